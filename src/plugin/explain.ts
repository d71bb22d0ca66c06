/** What each check says of a token, in the order in which a request is judged; nothing of the token is hidden from whoever asks, so ask for your own. */
import { missingClaimRefusal, requiredClaims } from './claims/read.js'
import { timeRefusal } from './claims/times.js'
import type { Check, SignedToken } from './issuers/token-rules.js'
import type { FoundKey } from './issuers/trusted-issuers.js'
import { shown } from './lib/validate.js'
import { isRefusal, type Refusal, type RefusalCode } from './refusals/refusal.js'
import { ambiguityRefusal, type DecodedToken, decodeToken } from './verification/decode.js'
import { headerRefusal, keyRefusal } from './verification/jose-header.js'
import { explain } from './verification/jwt-errors.js'
import type { VerifierState } from './verification/verify.js'

/** What one check says. */
export interface CheckResult {
  /** Stable, such as `signature` or `entra.aud`. */
  readonly id: string
  /** The standard, or the provider's document, that asks for it. */
  readonly source: string
  /** `undecided`: what it needs is not there, as an earlier check failed. */
  readonly outcome: 'passed' | 'failed' | 'undecided'
  /** What passes, in words. */
  readonly expected: string
  /** What the token has there, in JSON and cut after 200 characters; absent where nothing could be read. */
  readonly found?: string
  /** What a request with this token gets, where this check is the first to fail. */
  readonly code?: RefusalCode
  readonly detail?: string
}

/** What all checks say of a token. */
export interface Explanation {
  /** Of the first check that fails; absent where none does. */
  readonly code?: RefusalCode
  readonly checks: readonly CheckResult[]
}

/** Asks every check about a token. Functions of the application, such as `isRevoked`, are not called. */
export async function explainToken(token: string, state: VerifierState): Promise<Explanation> {
  const decoded = decodeToken(String(token))
  const checks = isRefusal(decoded) ? [failed(form, decoded)] : await checksOf(token, decoded, state)
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
  expected: 'an alg that this API accepts, a typ of access tokens, and no parameter that brings a key'
}
const knownKey: Step = {
  id: 'key',
  source: 'RFC 7515 §4.1.4',
  expected: 'iss and kid that name a published key of a trusted issuer'
}
const signature: Step = { id: 'signature', source: 'RFC 7515 §5.2', expected: 'a signature by that key' }
const time: Step = { id: 'time', source: 'RFC 7519 §4.1.4, §4.1.5, §4.1.6', expected: 'now is within exp, nbf and iat' }
const claims: Step = { id: 'claims', source: 'RFC 7519 §4.1', expected: `the claims ${requiredClaims.join(', ')}` }

async function checksOf(token: string, decoded: DecodedToken, state: VerifierState): Promise<CheckResult[]> {
  const { payload } = decoded
  const found = await state.issuers.findKey(payload.iss, String(decoded.header.kid))
  const key = isRefusal(found) ? undefined : found
  return [
    passed(form),
    result(header, headerRefusal(decoded, state.algorithms) ?? ambiguityRefusal(decoded), decoded.header),
    result(knownKey, keyProblem(decoded, found), { iss: payload.iss, kid: decoded.header.kid }),
    key ? result(signature, signatureProblem(token, decoded, key, state)) : { ...signature, outcome: 'undecided' },
    result(claims, missingClaimRefusal(payload, requiredClaims), Object.keys(payload)),
    result(time, timeRefusal(payload, state.clockToleranceSeconds), timesIn(decoded)),
    ...(key ? key.issuer.settings.profile.checks.map((check) => resultOf(check, decoded, key)) : [])
  ]
}

const keyProblem = (decoded: DecodedToken, found: FoundKey | Refusal) =>
  isRefusal(found) ? found : keyRefusal(decoded, found.key.algorithms)

const timesIn = ({ payload: { exp, nbf, iat } }: DecodedToken) => ({
  exp,
  nbf,
  iat,
  now: Math.floor(Date.now() / 1000)
})

/** fast-jwt says more than that; what it says of times and claims are other checks here. */
function signatureProblem(token: string, decoded: DecodedToken, { key }: FoundKey, state: VerifierState) {
  try {
    state.checkSignature(token, key)
    return undefined
  } catch (error) {
    const why = explain(error, decoded)
    return why.code === 'invalid_signature' ? why : undefined
  }
}

function resultOf(check: Check, { header, payload }: DecodedToken, { key }: FoundKey): CheckResult {
  const token: SignedToken = { header, claims: payload, key }
  return result(check, check.refuse(token), check.found(token))
}

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
