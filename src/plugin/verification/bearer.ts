/**
 * Stage 1: reads the token from the headers. RFC 6750 §2.1; the query, the body and cookies are never read (§2.2, §2.3 are not offered).
 */
import type { IncomingMessage } from 'node:http'
import { type Refusal, refusal } from '../refusals/refusal.js'

const missing = refusal('credentials_missing')
const malformed = refusal('authorization_malformed')
const repeated = refusal('authorization_repeated')
const tooMany = refusal('too_many_headers')

/**
 * Header names and values that Node keeps of a request if its server has no `maxHeadersCount` (Node: `MAX_HEADER_PAIRS` counts each of
 * them).
 */
const keptByDefault = 2000

// RFC 9110 §11.1: the scheme is a case-insensitive token.
const bearerScheme = /^bearer(?![!#$%&'*+.^_`|~0-9a-z-])/i
// RFC 6750 §2.1 allows `1*SP`; every correct client sends one space.
const bearerCredentials = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i

/**
 * The `Authorization` header of a request, if there is exactly one.
 *
 * @param rawHeaders alternating names and values, as received: Node's `headers` shows only the first `Authorization`.
 * @param bound of {@link boundOf}: from this length on, received headers may be missing from the list
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
 * The number of names and values from which headers of a request may be missing: Node silently stops collecting them at the bound of the
 * server that accepted the connection. Each address that an app listens on has a server of its own, whose bound may differ.
 *
 * @returns Infinity if none can be missing: with `maxHeadersCount = 0`, in HTTP/2, which resets a stream with too many, and under
 * `inject()`
 */
export function boundOf(raw: IncomingMessage): number {
  if (raw.httpVersionMajor !== 1) return Infinity // the socket of a reset stream cannot be read
  const { server } = raw.socket as { server?: { maxHeadersCount?: number | null } }
  if (server === undefined) return Infinity
  const { maxHeadersCount } = server
  // Node's own arithmetic: a negative result means no bound.
  const kept = typeof maxHeadersCount === 'number' ? maxHeadersCount << 1 : keptByDefault
  return kept > 0 ? kept : Infinity
}

/**
 * The token after `Bearer`, as most clients write it, with its grammar unchecked: a token in compact form (RFC 7515 §7.1) has that grammar,
 * so only of one that is malformed {@link bearerToken} need say whether the header is malformed as well.
 */
export function uncheckedToken(value: string): string | undefined {
  return value.startsWith('Bearer ') ? value.slice('Bearer '.length) : undefined
}

/** The bearer token in the header's value. */
export function bearerToken(value: string): string | Refusal {
  if (!bearerScheme.test(value)) return missing
  return bearerCredentials.exec(value)?.[1] ?? malformed
}
