/**
 * Verifies a token and returns its principal: decodes it, finds its key, verifies its signature, and applies the rules of its issuer. A
 * refusal is returned, never thrown.
 */
import { setImmediate } from 'node:timers/promises'
import type { Claims, Principal } from '../claims/principal.js'
import { missingClaimRefusal, requiredClaims } from '../claims/read.js'
import { timeRefusal } from '../claims/times.js'
import type { Issuer } from '../issuers/issuer.js'
import { firstRefusal } from '../issuers/token-rules.js'
import type { FoundKey, TrustedIssuers } from '../issuers/trusted-issuers.js'
import type { Algorithm, VerificationKey } from '../keys/jwks.js'
import { isRefusal, type Refusal } from '../refusals/refusal.js'
import type { IsRevoked } from '../revocation/is-revoked.js'
import { ambiguityRefusal, type DecodedToken, parsePayload, splitToken, withPayload } from './decode.js'
import { headerRefusal, keyNameIn } from './jose-header.js'
import { explain } from './jwt-errors.js'
import type { KnownHeaders } from './known-headers.js'
import type { CheckSignature } from './signature.js'
import type { Forgeries } from './signature-precheck.js'
import type { TokenCache } from './token-cache.js'
import { type TriedKey, tryKey, tryProbableKey } from './tried-key.js'
import type { VerifiedPrincipals } from './verified-principals.js'

/** A token and the key to verify it with. */
export interface PendingVerification extends FoundKey {
  readonly token: string
  readonly decoded: DecodedToken
  /** A key that was tried already, if there is one. */
  readonly tried?: TriedKey | undefined
  /** The issuer that the key signs for, as known when the token was verified. */
  keyOwner?: string | undefined
}

/** A token with a valid signature that passed its issuer's rules, and its principal. */
export interface VerifiedToken {
  readonly verification: PendingVerification
  readonly principal: Principal
}

/** Dependencies of the verifier. */
export interface VerifierState {
  readonly issuers: TrustedIssuers
  /** The algorithms of all issuers; each key determines which of them it may verify. */
  readonly algorithms: readonly Algorithm[]
  readonly clockToleranceSeconds: number
  /** A more specific message for a refusal of an unverified token; the refusal itself if there is none. */
  readonly hint: (why: Refusal, decoded: DecodedToken) => Refusal
  /** The cache of verified tokens; `undefined` if none are cached. */
  readonly cache: TokenCache | undefined
  /** The principals of tokens that were accepted. */
  readonly verified: VerifiedPrincipals
  /** Called at every request, also for cached tokens. */
  readonly isRevoked: IsRevoked | undefined
  readonly knownHeaders: KnownHeaders
  readonly checkSignature: CheckSignature
  /** The state of recent invalid signatures. */
  readonly forgeries: Forgeries
  /** For calls to functions of the application. */
  readonly keysTimeoutSeconds: number
}

/** The checks after the signature is verified. */
function signedRefusal(verification: PendingVerification, toleranceSeconds: number): Refusal | undefined {
  const { payload: claims } = verification.decoded // fast-jwt reads the same bytes again
  return (
    missingClaimRefusal(claims, requiredClaims) ??
    timeRefusal(claims, toleranceSeconds) ??
    profileRefusal(verification, claims)
  )
}

/** A token that is refused anyway gets that refusal; only one that would pass gets the outage that prevents its check. */
export function profileRefusal(
  verification: Pick<PendingVerification, 'issuer' | 'key' | 'keyOwner'> & {
    readonly decoded: Pick<DecodedToken, 'header'>
  },
  claims: Claims
): Refusal | undefined {
  const { issuer, key, decoded } = verification
  const { described, owner, unknown } = describeKey(issuer, key)
  verification.keyOwner = owner
  return firstRefusal(issuer.settings.profile.checks, { header: decoded.header, claims, key: described }) ?? unknown
}

/** A key with the issuer that it signs for; or a refusal while that is unknown. */
export function describeKey(issuer: Issuer, key: VerificationKey) {
  const owner = issuer.namedIssuer(key)
  if (isRefusal(owner)) return { described: key, owner: undefined, unknown: owner }
  const described = owner === key.issuer ? key : { ...key, ...(owner !== undefined && { issuer: owner }) }
  return { described, owner, unknown: undefined }
}

/** The answer to a token, and a promise of it where a key is fetched or other requests go first. */
type Verified = Refusal | VerifiedToken

/** Verifies a token: returns its principal, or the refusal; synchronously if its key is held. */
export function verifyToken(token: string, state: VerifierState): Verified | Promise<Verified> {
  const split = splitToken(token, state.knownHeaders)
  if (isRefusal(split)) return split
  const { forgeries, issuers, checkSignature } = state
  const tried = forgeries.areLikely ? undefined : tryProbableKey(token, split, issuers, checkSignature)
  const decoded = tried?.payload ? withPayload(split, tried.payload) : parsePayload(split)
  if (isRefusal(decoded)) return decoded
  const go = (answer: FoundKey | Refusal) => {
    const found = isRefusal(answer) ? answer : (ambiguityRefusal(decoded) ?? answer)
    if (!isRefusal(found)) return verified({ token, decoded, tried, ...found }, state)
    forgeries.note(tried?.error)
    return state.hint(found, decoded)
  }
  const { payload } = decoded
  const refused = headerRefusal(decoded, state.algorithms, issuers.hasStrictHeader(payload.iss, payload))
  const answer = refused ?? issuers.findKey(payload.iss, keyNameIn(decoded), payload)
  return answer instanceof Promise ? answer.then(go) : go(answer)
}

function verified(pending: PendingVerification, state: VerifierState): Verified | Promise<Verified> {
  return state.forgeries.areLikely ? verifiedLater(pending, state) : verifiedNow(pending, state)
}

/**
 * Requests that need no signature verification go first. An async function, as Node's promise is none of the `Promise` here in a context of
 * its own (Node: `vm`), such as Jest's: callers would take it for the result.
 */
async function verifiedLater(pending: PendingVerification, state: VerifierState): Promise<Verified> {
  await setImmediate()
  return verifiedNow(pending, state)
}

function verifiedNow(pending: PendingVerification, state: VerifierState): Verified | Promise<Verified> {
  const why = signatureRefusal(pending, state)
  return why?.code === 'invalid_signature' ? verifiedByAnother(pending, state, why) : judged(pending, state, why)
}

/** By another key of the issuer, if there may be one; otherwise the signature is invalid. */
async function verifiedByAnother(pending: PendingVerification, state: VerifierState, why: Refusal): Promise<Verified> {
  const another = await withAnotherKey(pending, state)
  if (isRefusal(another)) return state.hint(another, pending.decoded)
  return another ? judged(another, state, signatureRefusal(another, state)) : state.hint(why, pending.decoded)
}

/** @param unsigned why its signature, `exp` or `nbf` is invalid */
function judged(verification: PendingVerification, state: VerifierState, unsigned: Refusal | undefined): Verified {
  const { decoded, issuer } = verification
  const why = unsigned ?? signedRefusal(verification, state.clockToleranceSeconds)
  if (why) return state.hint(why, decoded)
  if (decoded.headerText) state.knownHeaders.add(decoded.segments[0], decoded.header)
  return { verification, principal: issuer.settings.profile.toPrincipal(decoded.payload) }
}

/** The refusal by the signature, `exp` or `nbf`. */
function signatureRefusal(
  { token, decoded, tried, key }: PendingVerification,
  { forgeries, checkSignature }: VerifierState
): Refusal | undefined {
  const forged = forgeries.refusal(decoded, key)
  if (forged) return forged
  const { payload, error } = tried?.key === key ? tried : tryKey(token, key, checkSignature)
  if (payload) return undefined
  forgeries.note(error)
  return explain(error, decoded)
}

/** A token without `kid` may be signed with the issuer's next key. */
export async function withAnotherKey(
  pending: PendingVerification,
  { issuers }: Pick<VerifierState, 'issuers'>
): Promise<PendingVerification | Refusal | undefined> {
  const { kid, alg } = keyNameIn(pending.decoded)
  const found = kid === undefined ? await issuers.findAnotherKey(alg, pending) : undefined
  return found && !isRefusal(found) ? { ...pending, ...found } : found
}
