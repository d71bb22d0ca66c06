/** Spans for calls to other services, and what the span of a request says of a decision. A cached token makes none. */
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { type DecisionEvent, decisionChannelName } from '../audit/decision-channel.js'
import { type FetchMessage, fetchChannelName } from '../lib/json-client.js'
import { type LookupMessage, lookupChannelName } from '../lib/lookup-cache.js'
import { errorTypeOf } from './error-type.js'
import { guarded } from './guarded.js'
import type { Attributes } from './tally.js'

interface Span {
  setAttributes(attributes: Attributes): unknown
  setStatus(status: { code: number }): unknown
  end(): void
}

/** The part of `@opentelemetry/api` that spans need. */
export interface TraceApi {
  readonly trace: {
    getTracer(name: string): { startSpan(name: string, options?: { kind?: number; attributes?: Attributes }): Span }
    getActiveSpan(): Span | undefined
  }
  readonly SpanKind: { readonly INTERNAL: number; readonly CLIENT: number }
  readonly SpanStatusCode: { readonly ERROR: number }
}

/** How the calls of a channel are shown. */
interface Shown<Message> {
  readonly channelName: string
  readonly kind: number
  readonly nameOf: (message: Message) => string
  readonly attributesOf: (message: Message) => Attributes
}

/** Starts a span for each call; the result stops that. */
export function startSpans(api: TraceApi, scope: string): () => void {
  const fetches: Shown<FetchMessage> = {
    channelName: fetchChannelName,
    kind: api.SpanKind.CLIENT,
    nameOf: ({ method }) => method,
    attributesOf: ({ origin, method }) => ({
      'server.address': new URL(origin).host,
      'http.request.method': method
    })
  }
  const lookups: Shown<LookupMessage> = {
    channelName: lookupChannelName,
    kind: api.SpanKind.INTERNAL,
    nameOf: ({ name }) => `fastify_entra.lookup ${name}`,
    attributesOf: ({ name }) => ({ 'fastify_entra.lookup.name': name })
  }
  const stops = [showCalls(api, scope, fetches), showCalls(api, scope, lookups), describeDecisions(api)]
  return () => {
    for (const stop of stops) stop()
  }
}

function showCalls<Message extends object>(api: TraceApi, scope: string, shown: Shown<Message>): () => void {
  const tracer = api.trace.getTracer(scope)
  const spans = new WeakMap<object, Span>()
  const from = tracingChannel<string, Message & { readonly error?: unknown }>(shown.channelName)
  const listeners = {
    start: guarded((message: Message) => {
      const options = { kind: shown.kind, attributes: shown.attributesOf(message) }
      spans.set(message, tracer.startSpan(shown.nameOf(message), options))
    }),
    end() {},
    asyncStart() {},
    asyncEnd: guarded((message: object) => spans.get(message)?.end()),
    error: guarded((message: { readonly error: unknown }) => {
      const span = spans.get(message)
      span?.setAttributes({ 'error.type': errorTypeOf(message.error) })
      span?.setStatus({ code: api.SpanStatusCode.ERROR })
    })
  }
  from.subscribe(listeners)
  return () => void from.unsubscribe(listeners)
}

function describeDecisions({ trace }: TraceApi): () => void {
  const from = channel(decisionChannelName)
  const listener = guarded((message: unknown) => {
    const { outcome, operation, rule, code } = message as DecisionEvent
    trace.getActiveSpan()?.setAttributes({
      'fastify_entra.outcome': outcome,
      ...(operation !== undefined && { 'fastify_entra.operation': operation }),
      ...(rule !== undefined && { 'fastify_entra.rule': rule }),
      ...(code !== undefined && { 'fastify_entra.code': code })
    })
  })
  from.subscribe(listener)
  return () => void from.unsubscribe(listener)
}
