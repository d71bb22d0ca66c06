/**
 * Stages 2 and 3: token → key → claims. The key is found first, without an `Error` and, where it is held, without a promise; then
 * @fastify/jwt and fast-jwt verify, and call stages 4 and 5 when the signature holds.
 */
import type { FastifyJWTOptions } from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import { foreignAudienceHint } from './audience.js'
import { requiredClaims } from './claims.js'
import { ambiguityRefusal, type DecodedToken, decodeToken } from './decode.js'
import { isRefusal, type Refusal, refusal } from './errors.js'
import { headerRefusal, keyRefusal } from './header.js'
import type { FoundKey, Issuer, TrustedIssuers } from './issuers.js'
import type { Algorithm } from './jwks.js'
import { explain } from './library-errors.js'
import { withoutStackTraces } from './quiet.js'
import type { TokenCache } from './token-cache.js'
import type { Claims } from './types.js'

/** A token and the key to verify it with; `refusal`, once stage 4 says no. */
export interface Verification extends FoundKey {
  readonly token: string
  readonly decoded: DecodedToken
  refusal?: Refusal
}

/** What the verifier is built from. */
export interface Verifier {
  readonly issuers: TrustedIssuers
  /** What any of the issuers may sign with; each key says which of them it may verify. */
  readonly algorithms: readonly Algorithm[]
  readonly clockToleranceSeconds: number
  /** What scopes of this API begin with, where tokens for Microsoft's own APIs may come by mistake. */
  readonly scopeBase: string | undefined
  /** Tokens that were verified before; `undefined`: none is remembered. */
  readonly cache: TokenCache | undefined
}

/** Where a request keeps its verification. */
export const verificationOf = Symbol('fastify-entra.verification')

declare module 'fastify' {
  interface FastifyRequest {
    [verificationOf]: Verification | null
  }
}

type PemCallback = (request: FastifyRequest, token: unknown, done: (error: Error | null, pem?: string) => void) => void

/** Somebody else calls `request.jwtVerify()`, for a token whose key was not vetted. */
const noKey = new Error('no key was vetted for this request')

/** Called by @fastify/jwt between decoding and verifying. It must not return a promise: see its `getSecret`. */
const vettedPem: PemCallback = (request, _token, done) => {
  const pem = request[verificationOf]?.key.pem
  done(pem === undefined ? noKey : null, pem)
}

/**
 * The options that make @fastify/jwt do stages 3 to 5 in `await request.jwtVerify()`. The same PEM, handed over synchronously, is
 * its fast path: one prepared verifier for each. fast-jwt's own cache stays off: it hands one mutable object to everybody.
 */
export function jwtOptions({ algorithms, clockToleranceSeconds, issuers }: Omit<Verifier, 'cache'>): FastifyJWTOptions {
  return {
    decoratorName: 'principalOrNull',
    secret: { public: vettedPem },
    verify: {
      algorithms: [...algorithms],
      requiredClaims: [...requiredClaims],
      clockTolerance: clockToleranceSeconds * 1000,
      extractToken: (request) => request[verificationOf]?.token
    },
    trusted(request, claims) {
      const verification = request[verificationOf]
      if (!verification) return false
      const { issuer, key, decoded } = verification
      const { refuse } = issuer.settings.profile
      const why = timeRefusal(claims, clockToleranceSeconds) ?? refuse({ header: decoded.header, claims, key })
      if (why) verification.refusal = why
      return why === undefined
    },
    formatUser: (payload) => {
      const claims = payload as Claims
      const issuer = issuers.named(String(claims.iss)) as Issuer // the key was found under it
      return issuer.settings.profile.toPrincipal(claims)
    }
  }
}

/**
 * "On or after" `exp` (RFC 7519 §4.1.4); fast-jwt lets the very millisecond pass. And a token from the future (`iat`, §4.1.6):
 * its clock or its issuer is wrong, whether or not it has an `nbf`.
 */
function timeRefusal({ exp, iat = 0 }: Claims, toleranceSeconds: number): Refusal | undefined {
  const now = Date.now()
  if (now >= (Number(exp) + toleranceSeconds) * 1000) return refusal('token_expired')
  return now < (Number(iat) - toleranceSeconds) * 1000 ? refusal('token_not_yet_valid') : undefined
}

/**
 * Verifies a token and puts its principal on the request.
 *
 * @returns why it is refused, at once where no signature needs to be verified for it; nothing when it is good
 */
export function verifyToken(
  request: FastifyRequest,
  token: string,
  verifier: Verifier
): Refusal | Promise<Refusal | undefined> {
  const decoded = decodeToken(token)
  if (isRefusal(decoded)) return decoded
  const go = (answer: FoundKey | Refusal) => {
    const found = isRefusal(answer)
      ? answer
      : (keyRefusal(decoded, answer.key.algorithms) ?? ambiguityRefusal(decoded) ?? answer)
    if (isRefusal(found)) return withHint(found, decoded, verifier)
    return verifySignature(request, { token, decoded, ...found }, verifier)
  }
  const { header, payload } = decoded
  const answer =
    headerRefusal(decoded, verifier.algorithms) ?? verifier.issuers.findKey(payload.iss, String(header.kid))
  return answer instanceof Promise ? answer.then(go) : go(answer)
}

async function verifySignature(
  request: FastifyRequest,
  verification: Verification,
  verifier: Verifier
): Promise<Refusal | undefined> {
  request[verificationOf] = verification
  try {
    await withoutStackTraces(() => request.jwtVerify()) // with a key at hand all of it happens before it returns
    return undefined
  } catch (error) {
    request.principalOrNull = null
    const why = verification.refusal ?? explain(error, verification.decoded)
    return withHint(why, verification.decoded, verifier)
  }
}

/** A Graph or ARM token fails before its audience is looked at; its sender is told what it is all the same. */
function withHint(why: Refusal, { payload }: DecodedToken, { scopeBase }: Verifier): Refusal {
  const hintable = why.code === 'invalid_signature' || why.code === 'unknown_key' || why.code === 'wrong_issuer'
  const hint = hintable && scopeBase !== undefined ? foreignAudienceHint(payload.aud, scopeBase) : undefined
  return hint ? { ...why, detail: hint } : why
}
