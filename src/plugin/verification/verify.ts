/**
 * Stages 2 and 3: token → key → claims. The key is found first, without an `Error` and, where it is held, without a promise; then
 * @fastify/jwt and fast-jwt verify, and call stages 4 and 5 when the signature holds.
 */
import { setImmediate } from 'node:timers/promises'
import type { FastifyJWTOptions, JWT } from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import { missingClaimRefusal, requiredClaims, timeRefusal } from '../claims/claims.js'
import type { Claims, Principal } from '../claims/principal.js'
import type { FoundKey, TrustedIssuers } from '../issuers/trusted-issuers.js'
import type { Algorithm } from '../keys/jwks.js'
import { withoutStackTraces } from '../lib/quiet.js'
import { isRefusal, type Refusal } from '../refusals/refusal.js'
import type { IsRevoked } from '../revocation/is-revoked.js'
import { ambiguityRefusal, type DecodedToken, decodeToken } from './decode.js'
import { headerRefusal, keyRefusal } from './jose-header.js'
import { explain } from './jwt-errors.js'
import type { Forgeries } from './signature-precheck.js'
import type { TokenCache } from './token-cache.js'

/** A token and the key to verify it with; `refusal`, once stage 4 says no. */
export interface Verification extends FoundKey {
  readonly token: string
  readonly decoded: DecodedToken
  /** Who the key signs for, as it was known when the token was verified. */
  keyOwner?: string | undefined
  refusal?: Refusal
}

/** A token whose signature holds, and that its issuer's rules let pass; and whom it speaks for. */
export interface Verified {
  readonly verification: Verification
  readonly principal: Principal
}

/** What the verifier is built from. */
export interface Verifier {
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
  /** What is remembered of signatures that did not hold. */
  readonly forgeries: Forgeries
  /** For functions of the application. */
  readonly keysTimeoutSeconds: number
}

/** Where a request keeps its verification. */
export const verificationOf = Symbol('fastify-entra.verification')

/** What the names of @fastify/jwt begin with here: the usual ones are guarded (`jwt-surface.ts`). */
export const jwtNamespace = 'fastifyEntra'
const jwtVerifyName = `${jwtNamespace}Verify` as const

declare module 'fastify' {
  interface FastifyRequest {
    [verificationOf]: Verification | null
    /** For {@link inRequest} alone. */
    [jwtVerifyName]: () => Promise<unknown>
  }
}

type PemCallback = (request: FastifyRequest, token: unknown, done: (error: Error | null, pem?: string) => void) => void

/** Somebody else calls it, for a token whose key was not vetted. */
const noKey = new Error('no key was vetted for this request')

/** Called by @fastify/jwt between decoding and verifying. It must not return a promise: see its `getSecret`. */
const vettedPem: PemCallback = (request, _token, done) => {
  const pem = request[verificationOf]?.key.pem
  done(pem === undefined ? noKey : null, pem)
}

/**
 * The options that make @fastify/jwt do stages 3 and 4 in one call. The same PEM, handed over synchronously, is
 * its fast path: one prepared verifier for each. fast-jwt's own cache stays off: it hands one mutable object to everybody.
 */
export function jwtOptions({
  algorithms,
  clockToleranceSeconds
}: Pick<Verifier, 'algorithms' | 'clockToleranceSeconds'>): FastifyJWTOptions {
  return {
    namespace: jwtNamespace,
    decoratorName: `${jwtNamespace}Claims`,
    jwtVerify: jwtVerifyName,
    secret: { public: vettedPem },
    verify: {
      algorithms: [...algorithms],
      requiredClaims: [...requiredClaims],
      clockTolerance: clockToleranceSeconds * 1000,
      extractToken: (request) => request[verificationOf]?.token
    },
    trusted: (request) => {
      const verification = request[verificationOf]
      return verification ? isTrusted(verification, clockToleranceSeconds) : false
    }
  }
}

/** Stage 4, once the signature holds; its no is kept with the verification, as a library would make an error of it. */
function isTrusted(verification: Verification, toleranceSeconds: number): boolean {
  const { payload: claims } = verification.decoded // the libraries read the same bytes once more
  const why =
    missingClaimRefusal(claims, requiredClaims) ??
    timeRefusal(claims, toleranceSeconds) ??
    profileRefusal(verification, claims)
  if (why) verification.refusal = why
  return why === undefined
}

/** A token that is refused anyway gets that answer; only one that would pass gets the outage which keeps it from being checked. */
function profileRefusal(verification: Verification, claims: Claims): Refusal | undefined {
  const { issuer, key, decoded } = verification
  const owner = issuer.namedIssuer(key)
  const isUnknown = isRefusal(owner)
  verification.keyOwner = isUnknown ? undefined : owner
  const described = isUnknown || owner === key.issuer ? key : { ...key, ...(owner !== undefined && { issuer: owner }) }
  const why = issuer.settings.profile.refuse({ header: decoded.header, claims, key: described })
  return why ?? (isUnknown ? owner : undefined)
}

/** Has @fastify/jwt verify a signature, and run stages 4 and 5. Its errors are the libraries', or the refusal that was kept. */
export type VerifySignature = (verification: Verification) => Promise<Principal>

/** In a request, as @fastify/jwt is made for, and fast. */
export function inRequest(request: FastifyRequest): VerifySignature {
  return async (verification) => {
    request[verificationOf] = verification
    // With a key at hand all of it happens before it returns.
    await withoutStackTraces(() => request[jwtVerifyName]())
    return principalIn(verification)
  }
}

/** Outside a request @fastify/jwt knows neither `trusted` nor `formatUser`, and prepares a verifier for each call. */
export function outsideRequests(jwt: JWT, { clockToleranceSeconds }: Verifier): VerifySignature {
  return async (verification) => {
    withoutStackTraces(() => jwt.verify(verification.token, { key: verification.key.pem }))
    if (!isTrusted(verification, clockToleranceSeconds)) throw untrusted
    return principalIn(verification)
  }
}

const principalIn = ({ issuer, decoded }: Verification) => issuer.settings.profile.toPrincipal(decoded.payload)

const untrusted = new Error("the issuer's rules refuse this token")

/** Verifies a token: whom it speaks for, or why it is refused; the latter at once where no signature needs to be verified for it. */
export function verifyToken(
  token: string,
  verifier: Verifier,
  verifySignature: VerifySignature
): Refusal | Promise<Refusal | Verified> {
  const decoded = decodeToken(token)
  if (isRefusal(decoded)) return decoded
  const go = (answer: FoundKey | Refusal) => {
    const found = isRefusal(answer)
      ? answer
      : (keyRefusal(decoded, answer.key.algorithms) ?? ambiguityRefusal(decoded) ?? answer)
    if (isRefusal(found)) return verifier.hint(found, decoded)
    return verified({ token, decoded, ...found }, verifier, verifySignature)
  }
  const { header, payload } = decoded
  const refused = headerRefusal(decoded, verifier.algorithms)
  const answer = refused ?? verifier.issuers.findKey(payload.iss, String(header.kid))
  return answer instanceof Promise ? answer.then(go) : go(answer)
}

async function verified(
  verification: Verification,
  verifier: Verifier,
  verifySignature: VerifySignature
): Promise<Refusal | Verified> {
  const { decoded, key } = verification
  const { forgeries } = verifier
  if (forgeries.areLikely) await setImmediate() // requests that need no signature verified go first
  const forged = forgeries.refusal(decoded, key)
  if (forged) return verifier.hint(forged, decoded)
  try {
    return { verification, principal: await verifySignature(verification) }
  } catch (error) {
    const why = verification.refusal ?? explain(error, decoded)
    if (why.code === 'invalid_signature') forgeries.seen()
    return verifier.hint(why, decoded)
  }
}
