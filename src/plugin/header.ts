/** Stage 2's other half: the JOSE header, before any key is looked up. RFC 7515 §4, RFC 8725 §3. Pure. */
import { type Refusal, refusal } from './errors.js'
import { hasRepeatedMember } from './json-members.js'

/** What fast-jwt decodes: nothing of it is proven yet. */
export interface DecodedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  readonly signature: string
  /** The first two segments, as sent. */
  readonly input: string
}

const malformed = refusal('token_malformed')
const wrongAlgorithm = refusal('wrong_algorithm')
const wrongType = refusal('wrong_token_type')
const unsupported = refusal('unsupported_header')
const unknownKey = refusal('unknown_key')
const invalidTime = refusal('invalid_claim', {
  detail: 'A time in the token (exp, nbf or iat) is not a number of seconds.'
})

/** Entra sends `JWT`; RFC 9068 §2.1 has `at+jwt`. The media type's prefix may be left out (RFC 7515 §4.1.9). */
const accessTokenTypes: ReadonlySet<unknown> = new Set([
  undefined,
  ...['jwt', 'at+jwt'].flatMap((type) => [type, `application/${type}`])
])
/**
 * `crit` asks for extensions, and there are none that this API understands. The others bring a key, or say where to
 * fetch one: the tenant's published set is the only place for keys (RFC 8725 §3.10).
 */
const refusedParameters = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c'] as const
/** ECMAScript has no dates beyond this many seconds (ECMA-262, time values). */
const maxSeconds = 8.64e12

/** Why this token cannot be an access token of the tenant, or `undefined` with a key ID worth looking up. */
export function headerRefusal(decoded: DecodedToken, algorithms: readonly string[]): Refusal | undefined {
  const { header, payload, signature, input } = decoded
  if (!isCanonical(signature) || input.split('.').some(isAmbiguous)) return malformed
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg)) return wrongAlgorithm
  if (!accessTokenTypes.has(typeof header.typ === 'string' ? header.typ.toLowerCase() : header.typ)) return wrongType
  if (refusedParameters.some((name) => Object.hasOwn(header, name))) return unsupported
  if (typeof header.kid !== 'string') return unknownKey
  if ([payload.exp, payload.nbf, payload.iat].some((time) => time !== undefined && !isNumericDate(time)))
    return invalidTime
  return undefined
}

/** Two readers of it could see two different objects. */
function isAmbiguous(segment: string): boolean {
  return hasRepeatedMember(Buffer.from(segment, 'base64url').toString())
}

/** base64url has one spelling for each value (RFC 4648 §3.5): a token must not have a twin that also passes. */
function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment
}

/** RFC 7519 §2 NumericDate, within what can be compared. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= maxSeconds
}
