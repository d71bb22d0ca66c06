/** The second half of stage 2: checks the JOSE header before any key is looked up. RFC 7515 §4, RFC 8725 §3. Pure. */

import type { KeyName } from '../issuers/trusted-issuers.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import type { DecodedToken } from './decode.js'

const wrongAlgorithm = refusal('wrong_algorithm')
const newName = refusal('wrong_algorithm', {
  detail:
    'The token is signed with the algorithm "Ed25519" (RFC 9864), which this API does not verify by that name. Configure its issuer to use "EdDSA" (RFC 8037) or another algorithm.'
})
const wrongType = refusal('wrong_token_type')
const unsupported = refusal('unsupported_header')
const unnamedKey = refusal('unknown_key', {
  detail: 'The token does not identify the key that signed it: its header has no "kid". Get a token that has one.'
})
const invalidTime = refusal('invalid_claim', {
  detail: 'A time in the token (exp, nbf or iat) is not a number of seconds.'
})

/** Entra sends `JWT`; RFC 9068 §2.1 has `at+jwt`. The prefix of the media type may be omitted (RFC 7515 §4.1.9). */
const accessTokenTypes: ReadonlySet<unknown> = new Set([
  undefined,
  ...['jwt', 'at+jwt'].flatMap((type) => [type, `application/${type}`])
])
/**
 * `crit` requires extensions, and this API supports none. `jwk` to `x5c` supply a key, or its URL: keys come only from the tenant's
 * published set (RFC 8725 §3.10). The last three belong to encrypted or nested tokens (RFC 7516 §4.1, RFC 7519 §5.2).
 */
const refusedParameters = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'enc', 'zip', 'cty'] as const
/** The end of the year 9999: a larger value is in milliseconds, or invalid. */
const maxSeconds = 253_402_300_799

/**
 * The refusal of a token that cannot be an access token of the tenant; `undefined` if its key can be looked up.
 *
 * @param isStrict as `TokenRules.strictHeader` of its issuer
 */
export function headerRefusal(
  { header, payload }: DecodedToken,
  algorithms: readonly string[],
  isStrict: boolean
): Refusal | undefined {
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg))
    return header.alg === 'Ed25519' && algorithms.includes('EdDSA') ? newName : wrongAlgorithm
  if (!accessTokenTypes.has(typeof header.typ === 'string' ? header.typ.toLowerCase() : header.typ)) return wrongType
  if (refusedParameters.some((name) => Object.hasOwn(header, name))) return unsupported
  if (typeof header.kid !== 'string' && (isStrict || Object.hasOwn(header, 'kid'))) return unnamedKey
  if ([payload.exp, payload.nbf, payload.iat].some((time) => time !== undefined && !isNumericDate(time)))
    return invalidTime
  return undefined
}

/** What the header says of its key. A `kid` that is not a string is refused before. */
export function keyNameIn({ header: { kid, alg } }: DecodedToken): KeyName {
  return { kid: typeof kid === 'string' ? kid : undefined, alg }
}

/** RFC 7519 §2 NumericDate, within a range that can be compared. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= maxSeconds
}
