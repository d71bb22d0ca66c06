/** Stage 1: headers → token. RFC 6750 §2.1; the query, the body and cookies are never read (§2.2, §2.3 are not offered). */
import type { IncomingMessage } from 'node:http'
import { type Refusal, refusal } from '../refusals/refusal.js'

const missing = refusal('credentials_missing')
const malformed = refusal('authorization_malformed')
const repeated = refusal('authorization_repeated')
const tooMany = refusal('too_many_headers')

/** Names and values that Node keeps of a request where its server has no `maxHeadersCount` (Node: `MAX_HEADER_PAIRS` counts each of them). */
const keptByDefault = 2000

// RFC 9110 §11.1: the scheme is a token, and its case says nothing.
const bearerScheme = /^bearer(?![!#$%&'*+.^_`|~0-9a-z-])/i
// RFC 6750 §2.1 allows `1*SP`; one space is what every client sends, and anything else is a faulty client.
const bearerCredentials = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i

/**
 * The `Authorization` header of a request, if there is one and no other.
 *
 * @param rawHeaders names and values in turn, as they came: Node's `headers` shows only the first `Authorization`.
 * @param bound as {@link boundOf} has it: from there on more headers may have come than are in the list
 */
export function authorizationHeader(rawHeaders: readonly string[], bound = Infinity): string | Refusal {
  if (rawHeaders.length >= bound) return tooMany
  let value: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length !== 13 || name.toLowerCase() !== 'authorization') continue
    if (value !== undefined) return repeated
    value = rawHeaders[i + 1]
  }
  return value ?? missing
}

/**
 * From how many names and values on headers of a request may be missing: Node stops collecting them at the bound of the server that
 * accepted the connection, and says nothing. Each address that an app listens on has a server of its own, whose bound may be another one.
 *
 * @returns Infinity where none is missing: with `maxHeadersCount = 0`, in HTTP/2, which resets a stream with too many, and under `inject()`
 */
export function boundOf(raw: IncomingMessage): number {
  if (raw.httpVersionMajor !== 1) return Infinity // the socket of a stream that was reset cannot be asked
  const { server } = raw.socket as { server?: { maxHeadersCount?: number | null } }
  if (server === undefined) return Infinity
  const { maxHeadersCount } = server
  // Node's own arithmetic, which takes what is negative by then for no bound.
  const kept = typeof maxHeadersCount === 'number' ? maxHeadersCount << 1 : keptByDefault
  return kept > 0 ? kept : Infinity
}

/** The bearer token in the header's value. */
export function bearerToken(value: string): string | Refusal {
  if (!bearerScheme.test(value)) return missing
  return bearerCredentials.exec(value)?.[1] ?? malformed
}
