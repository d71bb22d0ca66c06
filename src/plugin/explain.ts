/**
 * Reports the result of each check of a token, in the order in which a request is checked. The report shows the token's contents: use it
 * for your own tokens.
 */
import { missingClaimRefusal, requiredClaims } from './claims/read.js'
import { timeRefusal } from './claims/times.js'
import type { Issuer } from './issuers/issuer.js'
import type { SignedToken } from './issuers/token-rules.js'
import type { FoundKey } from './issuers/trusted-issuers.js'
import type { VerificationKey } from './keys/jwks.js'
import { shown } from './lib/validate.js'
import { isRefusal, type Refusal, type RefusalCode, refusal } from './refusals/refusal.js'
import { hasPermissions } from './verification/admit.js'
import { ambiguityRefusal, type DecodedToken, decodeToken } from './verification/decode.js'
import { headerRefusal, keyNameIn } from './verification/jose-header.js'
import { isSignedBy } from './verification/signature.js'
import { describeKey, type VerifierState, withAnotherKey } from './verification/verify.js'

/** The result of one check. */
export interface CheckResult {
  /** Stable, such as `signature` or `entra.aud`. */
  readonly id: string
  /** The standard, or the provider's document, that requires it. */
  readonly source: string
  /** `undecided`: the check needs the result of an earlier one that failed. */
  readonly outcome: 'passed' | 'failed' | 'undecided'
  /** What the check accepts, in words. */
  readonly expected: string
  /** The token's value, in JSON and cut after 200 characters; absent when nothing could be read. */
  readonly found?: string
  /** The response to a request with this token, if this check is the first to fail. */
  readonly code?: RefusalCode
  readonly detail?: string
}

/** The results of all checks of a token. */
export interface Explanation {
  /** The code of the first check that fails; absent if none does. */
  readonly code?: RefusalCode
  readonly checks: readonly CheckResult[]
}

/** Runs all checks of a token. Functions of the application, such as `isRevoked`, are not called. */
export async function explainToken(token: unknown, state: VerifierState): Promise<Explanation> {
  return explanation(await checksOf(typeof token === 'string' ? token : '', state, findSigned))
}

/** Runs the checks that need no key, and fetches nothing: the signature stays undecided. */
export async function explainWithoutKeys(token: string, state: VerifierState): Promise<Explanation> {
  return explanation(await checksOf(token, state, async () => undefined))
}

function explanation(checks: readonly CheckResult[]): Explanation {
  const first = checks.find(({ outcome }) => outcome === 'failed')
  return { ...(first?.code && { code: first.code }), checks }
}

interface Step {
  readonly id: string
  readonly source: string
  readonly expected: string
}

const form: Step = {
  id: 'form',
  source: 'RFC 7515 §7.1',
  expected: 'a signed JWT: three parts, of which the first two are JSON objects'
}
const header: Step = {
  id: 'header',
  source: 'RFC 8725 §3.1, §3.10, §3.11',
  expected:
    'an alg that this API accepts, a typ of access tokens, and no parameter that supplies a key or requires an extension'
}
const knownKey: Step = {
  id: 'key',
  source: 'RFC 7515 §4.1.4',
  expected: 'iss, kid and alg that name a published key of a trusted issuer'
}
const oneReading: Step = {
  id: 'reading',
  source: 'RFC 7519 §4, RFC 8725 §2.4, RFC 4648 §3.5',
  expected: 'unambiguous: UTF-8, no duplicate member name, and canonical base64url'
}
const signature: Step = { id: 'signature', source: 'RFC 7515 §5.2', expected: 'a signature by that key' }
const time: Step = {
  id: 'time',
  source: 'RFC 7519 §4.1.4, §4.1.5, §4.1.6',
  expected: 'the current time is within exp, nbf and iat'
}
const claims: Step = { id: 'claims', source: 'RFC 7519 §4.1', expected: `the claims ${requiredClaims.join(', ')}` }
const keyOwner: Step = {
  id: 'key.issuer',
  source: 'Microsoft: "Access tokens", validate the signing key issuer',
  expected: 'the issuer that the key is published for is known'
}

const permissions: Step = {
  id: 'permissions',
  source: 'Microsoft: Protected web API, verify scopes and app roles',
  expected: 'a scope, an app role or an application permission of this API'
}

/** The key that a token names, and what it says of the signature. */
interface Signed {
  /** `undefined`: none was looked for, as the token names none. */
  readonly found: FoundKey | Refusal | undefined
  /** `undefined`: there is no key to verify it with. */
  readonly signature?: { readonly key: FoundKey; readonly why: Refusal | undefined } | undefined
}

/** In the order of {@link verifyToken}; a missing claim is reported before the signature is verified. */
async function checksOf(token: string, state: VerifierState, sign: typeof findSigned): Promise<CheckResult[]> {
  const decoded = decodeToken(token)
  if (isRefusal(decoded)) return [failed(form, decoded)]
  const { header: parameters, payload } = decoded
  const { kid, alg } = parameters
  const issuer = state.issuers.expected(payload.iss, payload)
  const isStrict = state.issuers.hasStrictHeader(payload.iss, payload)
  const signed = await sign(token, decoded, state, isStrict)
  const found = signed?.found ?? (isRefusal(issuer) ? issuer : undefined)
  const named = { iss: payload.iss, kid, alg }
  return withPermissions(decoded, issuer, [
    passed(form),
    result(header, headerRefusal(decoded, state.algorithms, isStrict), parameters),
    found ? result(knownKey, isRefusal(found) ? found : undefined, named) : undecided(knownKey, named),
    result(oneReading, ambiguityRefusal(decoded)),
    result(claims, missingClaimRefusal(payload, requiredClaims), Object.keys(payload)),
    signed?.signature ? result(signature, signed.signature.why) : undecided(signature),
    result(time, timeRefusal(payload, state.clockToleranceSeconds), timesIn(decoded)),
    ...ofIssuer(decoded, issuer, signed?.signature?.key ?? state.issuers.peekKey(payload.iss, kid, payload))
  ])
}

const timesIn = ({ payload: { exp, nbf, iat } }: DecodedToken) => ({
  exp,
  nbf,
  iat,
  now: Math.floor(Date.now() / 1000)
})

/** Fetches keys, as a request does. */
async function findSigned(
  token: string,
  decoded: DecodedToken,
  state: VerifierState,
  isStrict: boolean
): Promise<Signed | undefined> {
  const { kid } = decoded.header
  if (typeof kid !== 'string' && (kid !== undefined || isStrict)) return undefined
  const found = await state.issuers.findKey(decoded.payload.iss, keyNameIn(decoded), decoded.payload)
  return { found, signature: isRefusal(found) ? undefined : await signatureOf(token, decoded, found, state) }
}

/** Verified by fast-jwt, as for a request, also with the next key of an issuer whose tokens have no `kid`. */
async function signatureOf(token: string, decoded: DecodedToken, first: FoundKey, { issuers }: VerifierState) {
  if (isSignedBy(token, first.key)) return { key: first, why: undefined }
  const key = await withAnotherKey({ token, decoded, ...first }, { issuers })
  if (key === undefined) return { key: first, why: refusal('invalid_signature') }
  if (isRefusal(key)) return { key: first, why: key }
  return { key, why: isSignedBy(token, key.key) ? undefined : refusal('invalid_signature') }
}

/** @param key of another algorithm, or none: then the checks that read it stay undecided */
function ofIssuer(decoded: DecodedToken, issuer: Issuer | Refusal, key: FoundKey | undefined): CheckResult[] {
  if (key) return withKey(decoded, key)
  if (isRefusal(issuer)) return []
  const token: SignedToken = { header: decoded.header, claims: decoded.payload, key: noKey }
  return issuer.settings.profile.checks.map((check) =>
    check.readsKey ? undecided(check) : result(check, check.refuse(token), check.found(token))
  )
}

function withKey({ header, payload }: DecodedToken, { issuer, key }: FoundKey): CheckResult[] {
  const { described, unknown } = describeKey(issuer, key)
  const token: SignedToken = { header, claims: payload, key: described }
  return [
    ...issuer.settings.profile.checks.map((check) => result(check, check.refuse(token), check.found(token))),
    ...(unknown ? [failed(keyOwner, unknown)] : [])
  ]
}

const noKey: VerificationKey = Object.freeze({ kid: undefined, pem: '', algorithms: [] })

/** A principal can be built of claims that passed all checks; whether they are signed, or valid now, makes no difference to what they grant. */
function withPermissions(decoded: DecodedToken, issuer: Issuer | Refusal, before: CheckResult[]): CheckResult[] {
  if (isRefusal(issuer)) return before
  const isRead = before.every(
    ({ id, outcome }) => outcome !== 'failed' || id === signature.id || id === time.id || id === knownKey.id
  )
  if (!isRead) return [...before, undecided(permissions)]
  const { profile } = issuer.settings
  const principal = profile.toPrincipal(decoded.payload)
  const { scopes, roles } = principal
  return [
    ...before,
    result(permissions, hasPermissions(principal, profile) ? undefined : refusal('no_permissions'), { scopes, roles })
  ]
}

const undecided = ({ id, source, expected }: Step, found?: unknown): CheckResult => ({
  ...{ id, source, outcome: 'undecided' as const, expected },
  ...(found !== undefined && { found: shown(found) })
})

const passed = ({ id, source, expected }: Step, found?: string): CheckResult => ({
  ...{ id, source, outcome: 'passed' as const, expected },
  ...(found !== undefined && { found })
})

function failed(step: Step, { code, detail }: Refusal, found?: string): CheckResult {
  return { ...passed(step, found), outcome: 'failed', code, detail }
}

function result(step: Step, why: Refusal | undefined, found?: unknown): CheckResult {
  const text = found === undefined ? undefined : shown(found)
  return why ? failed(step, why, text) : passed(step, text)
}
