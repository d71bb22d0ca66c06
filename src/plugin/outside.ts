/** The same checks outside HTTP: for queues, and for the first message of a socket. */
import type { FastifyInstance } from 'fastify'
import { admit } from './admission.js'
import { isRefusal, refusal } from './errors.js'
import { TokenRefusedError } from './refusal-error.js'
import { revocationRefusal } from './revocation.js'
import type { Principal } from './types.js'
import { outsideRequests, type Verifier, verifyToken } from './verify.js'

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
export function createVerifyToken(app: FastifyInstance, verifier: Verifier): VerifyToken {
  const verifySignature = outsideRequests(app, verifier)
  const unlessRevoked = async (principal: Principal) => {
    const { isRevoked, keysTimeoutSeconds } = verifier
    const why = isRevoked && (await revocationRefusal({ isRevoked, keysTimeoutSeconds }, principal, app.log))
    if (why) throw new TokenRefusedError(why)
    return principal
  }
  return async (token) => {
    if (typeof token !== 'string') throw new TokenRefusedError(refusal('token_malformed'))
    const remembered = verifier.cache?.find(`Bearer ${token}`)
    if (remembered) return unlessRevoked(remembered)
    const answer = await verifyToken(token, verifier, verifySignature)
    if (isRefusal(answer)) throw new TokenRefusedError(answer)
    const why = await admit(answer, verifier.cache, app.log)
    if (why) throw new TokenRefusedError(why)
    return unlessRevoked(answer.principal)
  }
}
