/** The same checks outside HTTP: for queues, and for the first message of a socket. */
import type { JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { Audit } from '../audit/audit.js'
import type { Principal } from '../claims/principal.js'
import { isRefusal, type Refusal, refusal } from '../refusals/refusal.js'
import { TokenRefusedError } from '../refusals/refusal-error.js'
import { revocationRefusal } from '../revocation/is-revoked.js'
import { admit } from '../verification/admit.js'
import { outsideRequests, type Verifier, verifyToken } from '../verification/verify.js'

/**
 * Verifies an access token that came by another way than a request: a message of a queue, or of a WebSocket. All checks of a request
 * are made, save those of guards: look at the principal. Until the instance is ready (`app.ready()`) there are no keys.
 *
 * @param token the token alone, without `Bearer`
 * @returns whom it speaks for
 * @throws TokenRefusedError with the `code` and the status that a request with this token would have got
 */
export type VerifyToken = (token: string) => Promise<Principal>

declare module 'fastify' {
  interface FastifyInstance {
    /** Verifies an access token that came by another way than a request. See {@link VerifyToken}. */
    readonly verifyToken: VerifyToken
  }
}

/** Makes {@link FastifyInstance.verifyToken}. */
export function createVerifyToken(app: FastifyInstance, jwt: JWT, verifier: Verifier, audit: Audit): VerifyToken {
  const verifySignature = outsideRequests(jwt, verifier)
  const { cache, isRevoked, keysTimeoutSeconds } = verifier
  const identify = async (token: unknown): Promise<Principal | Refusal> => {
    if (typeof token !== 'string') return refusal('token_malformed')
    const remembered = cache?.find(`Bearer ${token}`)
    if (remembered) return remembered
    const answer = await verifyToken(token, verifier, verifySignature)
    return isRefusal(answer) ? answer : ((await admit(answer, cache, app.log)) ?? answer.principal)
  }
  const occasion = (principal?: Principal) => ({ log: app.log, where: undefined, principal })
  const refuse = (why: Refusal, principal?: Principal) => {
    audit.refused(occasion(principal), why)
    return new TokenRefusedError(why)
  }
  return async (token) => {
    const principal = await identify(token)
    if (isRefusal(principal)) throw refuse(principal)
    const why = isRevoked && (await revocationRefusal({ isRevoked, keysTimeoutSeconds }, principal, app.log))
    if (why) throw refuse(why, principal)
    audit.authenticated(occasion(principal))
    return principal
  }
}
