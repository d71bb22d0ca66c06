/** Token → principal: taken apart, its key found, its signature verified, and the rules of its issuer asked. A no is a value, never an error. */
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
import { ambiguityRefusal, type DecodedToken, decodeToken } from './decode.js'
import { headerRefusal, keyRefusal } from './jose-header.js'
import { explain } from './jwt-errors.js'
import type { CheckSignature } from './signature.js'
import type { Forgeries } from './signature-precheck.js'
import type { TokenCache } from './token-cache.js'

/** A token and the key to verify it with. */
export interface Verification extends FoundKey {
  readonly token: string
  readonly decoded: DecodedToken
  /** Who the key signs for, as it was known when the token was verified. */
  keyOwner?: string | undefined
}

/** A token whose signature holds, and that its issuer's rules let pass; and whom it speaks for. */
export interface Verified {
  readonly verification: Verification
  readonly principal: Principal
}

/** What the verifier is built from. */
export interface VerifierState {
  readonly issuers: TrustedIssuers
  /** What any of the issuers may sign with; each key says which of them it may verify. */
  readonly algorithms: readonly Algorithm[]
  readonly clockToleranceSeconds: number
  /** Better words for a refusal, where nothing of the token is proven; the refusal itself where there are none. */
  readonly hint: (why: Refusal, decoded: DecodedToken) => Refusal
  /** Tokens that were verified before; `undefined`: none is remembered. */
  readonly cache: TokenCache | undefined
  /** Asked at every request, also for tokens that are remembered. */
  readonly isRevoked: IsRevoked | undefined
  readonly checkSignature: CheckSignature
  /** What is remembered of signatures that did not hold. */
  readonly forgeries: Forgeries
  /** For functions of the application. */
  readonly keysTimeoutSeconds: number
}

/** What is asked once the signature holds. */
function signedRefusal(verification: Verification, toleranceSeconds: number): Refusal | undefined {
  const { payload: claims } = verification.decoded // fast-jwt reads the same bytes once more
  return (
    missingClaimRefusal(claims, requiredClaims) ??
    timeRefusal(claims, toleranceSeconds) ??
    profileRefusal(verification, claims)
  )
}

/** A token that is refused anyway gets that answer; only one that would pass gets the outage which keeps it from being checked. */
function profileRefusal(verification: Verification, claims: Claims): Refusal | undefined {
  const { issuer, key, decoded } = verification
  const { described, owner, unknown } = describeKey(issuer, key)
  verification.keyOwner = owner
  return firstRefusal(issuer.settings.profile.checks, { header: decoded.header, claims, key: described }) ?? unknown
}

/** A key with the issuer that it signs for, by whoever says so; or why that cannot be known at the moment. */
export function describeKey(issuer: Issuer, key: VerificationKey) {
  const owner = issuer.namedIssuer(key)
  if (isRefusal(owner)) return { described: key, owner: undefined, unknown: owner }
  const described = owner === key.issuer ? key : { ...key, ...(owner !== undefined && { issuer: owner }) }
  return { described, owner, unknown: undefined }
}

/** Verifies a token: whom it speaks for, or why it is refused; the latter at once where no signature needs to be verified for it. */
export function verifyToken(token: string, state: VerifierState): Refusal | Promise<Refusal | Verified> {
  const decoded = decodeToken(token)
  if (isRefusal(decoded)) return decoded
  const go = (answer: FoundKey | Refusal) => {
    const found = isRefusal(answer)
      ? answer
      : (keyRefusal(decoded, answer.key.algorithms) ?? ambiguityRefusal(decoded) ?? answer)
    if (isRefusal(found)) return state.hint(found, decoded)
    return verified({ token, decoded, ...found }, state)
  }
  const { header, payload } = decoded
  const refused = headerRefusal(decoded, state.algorithms)
  const answer = refused ?? state.issuers.findKey(payload.iss, String(header.kid))
  return answer instanceof Promise ? answer.then(go) : go(answer)
}

async function verified(verification: Verification, state: VerifierState): Promise<Refusal | Verified> {
  const { token, decoded, key, issuer } = verification
  const { forgeries, checkSignature, clockToleranceSeconds } = state
  if (forgeries.areLikely) await setImmediate() // requests that need no signature verified go first
  const forged = forgeries.refusal(decoded, key)
  if (forged) return state.hint(forged, decoded)
  try {
    checkSignature(token, key)
  } catch (error) {
    const why = explain(error, decoded)
    if (why.code === 'invalid_signature') forgeries.seen()
    return state.hint(why, decoded)
  }
  const why = signedRefusal(verification, clockToleranceSeconds)
  if (why) return state.hint(why, decoded)
  return { verification, principal: issuer.settings.profile.toPrincipal(decoded.payload) }
}
