/** Stage 3: token → claims, by @fastify/jwt and fast-jwt; then stages 4 and 5, which it calls when the signature holds. */
import type { FastifyJWTOptions } from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import { isRefusal, type Refusal, refusal } from './errors.js'
import { type DecodedToken, headerRefusal } from './header.js'
import type { VerificationKey } from './jwks.js'
import { explain } from './library-errors.js'
import { toPrincipal } from './principal.js'
import { claimsRefusal, foreignAudienceHint, requiredClaims, type TenantRules } from './tenant.js'
import type { Claims } from './types.js'

/** What verifying one request's token needs and finds, step by step. */
export interface Verification {
  readonly token: string
  decoded?: DecodedToken
  key?: VerificationKey
  refusal?: Refusal
}

/** What the verifier is built from. */
export interface Verifier {
  readonly algorithms: readonly 'RS256'[]
  readonly clockToleranceSeconds: number
  readonly rules: TenantRules
  readonly findKey: (iss: unknown, kid: string) => VerificationKey | Refusal | Promise<VerificationKey | Refusal>
}

/** Where a request keeps its verification. */
export const verificationOf = Symbol('fastify-entra.verification')

declare module 'fastify' {
  interface FastifyRequest {
    [verificationOf]: Verification | null
  }
}

/** @fastify/jwt wants an `Error` where a refusal is already at hand; this one is never shown. */
const refused = new Error('refused')

/**
 * The options that make @fastify/jwt do stages 2 to 5 in `await request.jwtVerify()`. The key is looked up here, once
 * the token is decoded, and handed over synchronously where it is held: only then does it find its own fast path, one
 * prepared verifier for each PEM. fast-jwt's own cache stays off: it hands one mutable object to everybody.
 */
export function jwtOptions(verifier: Verifier): FastifyJWTOptions {
  const { algorithms, clockToleranceSeconds, rules } = verifier
  return {
    decoratorName: 'principalOrNull',
    secret: { public: keyCallback(verifier) },
    decode: { complete: true },
    verify: {
      algorithms: [...algorithms],
      requiredClaims: [...requiredClaims],
      clockTolerance: clockToleranceSeconds * 1000,
      extractToken: (request) => request[verificationOf]?.token
    },
    trusted(request, claims) {
      const verification = request[verificationOf]
      if (!verification?.key) return false
      const why = expiryRefusal(claims, clockToleranceSeconds) ?? claimsRefusal(claims, verification.key, rules)
      if (why) verification.refusal = why
      return why === undefined
    },
    formatUser: (claims) => toPrincipal(claims as Claims)
  }
}

/** "On or after" `exp` (RFC 7519 §4.1.4); fast-jwt lets the very millisecond pass. */
function expiryRefusal({ exp }: Claims, toleranceSeconds: number): Refusal | undefined {
  return Date.now() >= (Number(exp) + toleranceSeconds) * 1000 ? refusal('token_expired') : undefined
}

/**
 * Verifies a token and puts its principal on the request.
 *
 * @returns why it is refused; nothing when it is good
 */
export async function verifyToken(
  request: FastifyRequest,
  token: string,
  { rules }: Verifier
): Promise<Refusal | undefined> {
  const verification: Verification = { token }
  request[verificationOf] = verification
  try {
    await request.jwtVerify()
    return undefined
  } catch (error) {
    request.principalOrNull = null
    const why = verification.refusal ?? explain(error, verification.decoded)
    return withHint(why, verification.decoded?.payload.aud, rules)
  }
}

type KeyCallback = (
  request: FastifyRequest,
  decoded: unknown,
  done: (error: Error | null, pem?: string) => void
) => void

/** Stage 2, called by @fastify/jwt between decoding and verifying. It must not return a promise: see its `getSecret`. */
function keyCallback({ algorithms, findKey }: Verifier): KeyCallback {
  return (request, token, done) => {
    const verification = request[verificationOf]
    if (!verification) return done(refused)
    const decoded = token as DecodedToken
    const settle = (found: VerificationKey | Refusal) => {
      if (isRefusal(found)) {
        verification.refusal = found
        return done(refused)
      }
      verification.key = found
      done(null, found.pem)
    }
    verification.decoded = decoded
    const found = headerRefusal(decoded, algorithms) ?? findKey(decoded.payload.iss, decoded.header.kid as string)
    if (found instanceof Promise) found.then(settle, done)
    else settle(found)
  }
}

/** A Graph or ARM token fails before its audience is looked at; its sender is told what it is all the same. */
function withHint(why: Refusal, unprovenAudience: unknown, { scopeBase }: TenantRules): Refusal {
  const hintable = why.code === 'invalid_signature' || why.code === 'unknown_key' || why.code === 'wrong_issuer'
  const hint = hintable ? foreignAudienceHint(unprovenAudience, scopeBase) : undefined
  return hint ? { ...why, detail: hint } : why
}
