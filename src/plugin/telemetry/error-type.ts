/** `error.type` of calls that failed (OpenTelemetry: "General attributes"): one of a few, whatever the functions of an application throw. */
import { ownMember } from '../lib/own.js'

const types: Readonly<Record<string, string>> = {
  CircuitOpenError: 'circuit_open',
  ThrottledError: 'throttled',
  OutageError: 'outage',
  TimeoutError: 'timeout',
  AbortError: 'aborted',
  HttpStatusError: 'http_status',
  MetadataMismatchError: 'metadata_mismatch'
}

/** @param error of a traced call, as it would be logged */
export function errorTypeOf(error: unknown): string {
  const name = ownMember(Object(error), 'name')
  if (typeof name === 'string' && Object.hasOwn(types, name)) return String(types[name])
  return typeof ownMember(Object(error), 'code') === 'string' ? 'connection' : '_OTHER'
}
