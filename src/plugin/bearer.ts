/** Stage 1: headers → token. RFC 6750 §2.1; the query, the body and cookies are never read (§2.2, §2.3 are not offered). */
import { type Refusal, refusal } from './errors.js'

const missing = refusal('credentials_missing')
const malformed = refusal('authorization_malformed')
const repeated = refusal('authorization_repeated')

// RFC 9110 §11.1: the scheme is a token, and its case says nothing.
const bearerScheme = /^bearer(?![!#$%&'*+.^_`|~0-9a-z-])/i
// RFC 6750 §2.1 allows `1*SP`; one space is what every client sends, and anything else is a faulty client.
const bearerCredentials = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i

/**
 * The `Authorization` header of a request, if there is one and no other.
 *
 * @param rawHeaders names and values in turn, as they came: Node's `headers` shows only the first `Authorization`.
 */
export function authorizationHeader(rawHeaders: readonly string[]): string | Refusal {
  let value: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length !== 13 || name.toLowerCase() !== 'authorization') continue
    if (value !== undefined) return repeated
    value = rawHeaders[i + 1]
  }
  return value ?? missing
}

/** The bearer token in the header's value. */
export function bearerToken(value: string): string | Refusal {
  if (!bearerScheme.test(value)) return missing
  return bearerCredentials.exec(value)?.[1] ?? malformed
}
