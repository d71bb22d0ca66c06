/** Stage 2's other half: the JOSE header, before any key is looked up. RFC 7515 §4, RFC 8725 §3. Pure. */

import { type Refusal, refusal } from '../refusals/refusal.js'
import type { DecodedToken } from './decode.js'

const wrongAlgorithm = refusal('wrong_algorithm')
const wrongType = refusal('wrong_token_type')
const unsupported = refusal('unsupported_header')
const unnamedKey = refusal('unknown_key', {
  detail: 'The token does not identify the key that signed it: its header has no "kid". Get a token that has one.'
})
const invalidTime = refusal('invalid_claim', {
  detail: 'A time in the token (exp, nbf or iat) is not a number of seconds.'
})

/** Entra sends `JWT`; RFC 9068 §2.1 has `at+jwt`. The media type's prefix may be left out (RFC 7515 §4.1.9). */
const accessTokenTypes: ReadonlySet<unknown> = new Set([
  undefined,
  ...['jwt', 'at+jwt'].flatMap((type) => [type, `application/${type}`])
])
/**
 * `crit` asks for extensions, and there are none that this API understands. `jwk` to `x5c` bring a key, or say where to
 * fetch one: the tenant's published set is the only place for keys (RFC 8725 §3.10). The last three belong to encrypted or
 * nested tokens (RFC 7516 §4.1, RFC 7519 §5.2).
 */
const refusedParameters = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'enc', 'zip', 'cty'] as const
/** The end of the year 9999: what is beyond are milliseconds, or nonsense. */
const maxSeconds = 253_402_300_799

/** Why this token cannot be an access token of the tenant, or `undefined` with a key ID worth looking up. */
export function headerRefusal(decoded: DecodedToken, algorithms: readonly string[]): Refusal | undefined {
  const { header, payload } = decoded
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg)) return wrongAlgorithm
  if (!accessTokenTypes.has(typeof header.typ === 'string' ? header.typ.toLowerCase() : header.typ)) return wrongType
  if (refusedParameters.some((name) => Object.hasOwn(header, name))) return unsupported
  if (typeof header.kid !== 'string') return unnamedKey
  if ([payload.exp, payload.nbf, payload.iat].some((time) => time !== undefined && !isNumericDate(time)))
    return invalidTime
  return undefined
}

/** RFC 8725 §3.1: a key verifies the algorithms that it was made for, and no other that is allowed for another key. */
export function keyRefusal({ header }: DecodedToken, algorithms: readonly string[]): Refusal | undefined {
  return typeof header.alg === 'string' && algorithms.includes(header.alg) ? undefined : wrongAlgorithm
}

/** RFC 7519 §2 NumericDate, within what can be compared. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= maxSeconds
}
