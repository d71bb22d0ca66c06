/** The second half of stage 2: checks the JOSE header before any key is looked up. RFC 7515 §4, RFC 8725 §3. Pure. */

import type { KeyName } from '../issuers/trusted-issuers.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import type { DecodedToken, SplitToken } from './decode.js'

const wrongAlgorithm = refusal('wrong_algorithm')
const newName = refusal('wrong_algorithm', {
  detail:
    'The token is signed with the algorithm "Ed25519" (RFC 9864), which this API does not verify by that name. Configure its issuer to use "EdDSA" (RFC 8037) or another algorithm.'
})
const wrongType = refusal('wrong_token_type')
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
 * Refused of every issuer. `crit` requires extensions, and this API supports none. `jwk` supplies a key: keys come only from the issuer's
 * published set (RFC 8725 §3.10). The others belong to encrypted tokens (RFC 7516 §4.1).
 */
const refusedParameters = ['crit', 'b64', 'jwk', 'enc', 'zip'] as const
/**
 * Refused of Entra, whose tokens have none of them. Of other issuers they are ignored, and never followed: RFC 7515 §4.1.2 to §4.1.6 make
 * them optional to use, and some products send `jku` in every token (Cloud Foundry's UAA, SAP's XSUAA).
 */
const strictlyRefused = ['jku', 'x5u', 'x5c', 'cty'] as const
type Parameter = (typeof refusedParameters)[number] | (typeof strictlyRefused)[number]

const keysAreOurs = 'keys come only from the set that its issuer publishes'
const whyRefused: Readonly<Record<Parameter, string>> = {
  crit: 'it requires an extension, and this API supports none',
  b64: 'it changes what is signed, and this API supports no such extension',
  jwk: `it brings a key, and ${keysAreOurs}`,
  jku: `it says where a key is, and ${keysAreOurs}`,
  x5u: `it says where a key is, and ${keysAreOurs}`,
  x5c: `it brings a key, and ${keysAreOurs}`,
  enc: 'it is that of an encrypted token, and this API reads signed tokens',
  zip: 'it is that of an encrypted token, and this API reads signed tokens',
  cty: 'it is that of a nested token, and this API reads signed tokens'
}
const unsupported = Object.fromEntries(
  Object.entries(whyRefused).map(([name, why]) => [
    name,
    refusal('unsupported_header', {
      detail: `The header of the token has "${name}": ${why}. Get an ordinary signed access token.`
    })
  ])
) as Readonly<Record<Parameter, Refusal>>

/** RFC 7519 §5.2: what is signed is a JWT itself. RFC 7515 §4.1.10: the prefix may be omitted; RFC 7519 §10.3.1: the case does not count. */
const nestedType = /^(application\/)?([^\s;]+\+)?jwt\s*(;|$)/i
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
  const refused = refusedParameter(header, isStrict)
  if (refused) return unsupported[refused]
  if (typeof header.kid !== 'string' && (isStrict || Object.hasOwn(header, 'kid'))) return unnamedKey
  if ([payload.exp, payload.nbf, payload.iat].some((time) => time !== undefined && !isNumericDate(time)))
    return invalidTime
  return undefined
}

function refusedParameter(header: DecodedToken['header'], isStrict: boolean): Parameter | undefined {
  const isThere = (name: Parameter) => Object.hasOwn(header, name)
  const { cty } = header
  const ofAny = refusedParameters.find(isThere)
  if (ofAny) return ofAny
  if (isStrict) return strictlyRefused.find(isThere)
  return typeof cty === 'string' && nestedType.test(cty.trim()) ? 'cty' : undefined
}

/** What the header says of its key. A `kid` that is not a string is refused before. */
export function keyNameIn({ header: { kid, alg } }: Pick<SplitToken, 'header'>): KeyName {
  return { kid: typeof kid === 'string' ? kid : undefined, alg }
}

/** RFC 7519 §2 NumericDate, within a range that can be compared. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= maxSeconds
}
