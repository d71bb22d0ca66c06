/** Stage 3: token → claims, by @fastify/jwt and fast-jwt; then stages 4 and 5, which it calls when the signature holds. */
import type { FastifyJWTOptions } from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import { foreignAudienceHint } from './audience.js'
import { requiredClaims } from './claims.js'
import { isRefusal, type Refusal, refusal } from './errors.js'
import { type DecodedToken, headerRefusal, keyRefusal } from './header.js'
import type { FoundKey, Issuer, TrustedIssuers } from './issuers.js'
import type { Algorithm } from './jwks.js'
import { explain } from './library-errors.js'
import type { Claims } from './types.js'

/** What verifying one request's token needs and finds, step by step. */
export interface Verification {
  readonly token: string
  decoded?: DecodedToken
  found?: FoundKey
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
  const { algorithms, clockToleranceSeconds, issuers } = verifier
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
      if (!verification?.found || !verification.decoded) return false
      const { issuer, key } = verification.found
      const { header } = verification.decoded
      const { refuse } = issuer.settings.profile
      const why = timeRefusal(claims, clockToleranceSeconds) ?? refuse({ header, claims, key })
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
 * @returns why it is refused; nothing when it is good
 */
export async function verifyToken(
  request: FastifyRequest,
  token: string,
  { scopeBase }: Verifier
): Promise<Refusal | undefined> {
  const verification: Verification = { token }
  request[verificationOf] = verification
  try {
    await request.jwtVerify()
    return undefined
  } catch (error) {
    request.principalOrNull = null
    const why = verification.refusal ?? explain(error, verification.decoded)
    return withHint(why, verification.decoded?.payload.aud, scopeBase)
  }
}

type KeyCallback = (
  request: FastifyRequest,
  decoded: unknown,
  done: (error: Error | null, pem?: string) => void
) => void

/** Stage 2, called by @fastify/jwt between decoding and verifying. It must not return a promise: see its `getSecret`. */
function keyCallback({ algorithms, issuers }: Verifier): KeyCallback {
  return (request, token, done) => {
    const verification = request[verificationOf]
    if (!verification) return done(refused)
    const decoded = token as DecodedToken
    const settle = (answer: FoundKey | Refusal) => {
      const found = isRefusal(answer) ? answer : (keyRefusal(decoded, answer.key.algorithms) ?? answer)
      if (isRefusal(found)) {
        verification.refusal = found
        return done(refused)
      }
      verification.found = found
      done(null, found.key.pem)
    }
    verification.decoded = decoded
    const { iss } = decoded.payload
    const found = headerRefusal(decoded, algorithms) ?? issuers.findKey(iss, decoded.header.kid as string)
    if (found instanceof Promise) found.then(settle, done)
    else settle(found)
  }
}

/** A Graph or ARM token fails before its audience is looked at; its sender is told what it is all the same. */
function withHint(why: Refusal, unprovenAudience: unknown, scopeBase: string | undefined): Refusal {
  const hintable = why.code === 'invalid_signature' || why.code === 'unknown_key' || why.code === 'wrong_issuer'
  const hint = hintable && scopeBase !== undefined ? foreignAudienceHint(unprovenAudience, scopeBase) : undefined
  return hint ? { ...why, detail: hint } : why
}
