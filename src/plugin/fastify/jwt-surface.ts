/**
 * @fastify/jwt, which verifies for this plugin, under a name of its own; and its usual names, each of which says what to use instead. Called by
 * an app, they would verify without the tenant's rules, and tell of an unproven caller.
 */
import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { routeOf } from '../authorization/guard.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { jwtNamespace, jwtOptions, type Verifier } from '../verification/verify.js'

type Callback = (error: Error) => void

const onRequests = {
  jwtVerify: 'the token is verified before any handler runs: read request.principal',
  jwtDecode: 'the claims of the verified token are in request.principal.claims'
} as const
const onApp = {
  verify: 'call await app.verifyToken(token)',
  sign: 'only the tenant signs tokens; register @fastify/jwt once more, with a namespace, for tokens of your own',
  lookupToken: 'the plugin reads the Authorization header, and nothing else does'
} as const

/**
 * Registers @fastify/jwt.
 *
 * @returns what verifies outside a request
 */
export async function registerJwt(app: FastifyInstance, verifier: Verifier): Promise<JWT> {
  await app.register(fastifyJwt, jwtOptions(verifier))
  const { jwt } = app as unknown as { jwt: Record<string, unknown> }
  const own = jwt[jwtNamespace] as JWT
  for (const [name, instead] of Object.entries(onApp)) jwt[name] = refusing(() => `app.jwt.${name}()`, instead, true)
  jwt.decode = own.decode
  for (const [name, instead] of Object.entries(onRequests))
    app.decorateRequest(
      name,
      refusing(function (this: unknown) {
        return `${routeOf(this as FastifyRequest)} calls request.${name}(), which`
      }, instead)
    )
  app.decorateReply(
    'jwtSign',
    refusing(() => 'reply.jwtSign()', onApp.sign)
  )
  return own
}

/** Throws, rejects, or calls back, as what it stands for would with its errors. */
function refusing(what: (this: unknown) => string, instead: string, isSynchronous = false) {
  return function (this: unknown, ...parameters: unknown[]): Promise<never> | undefined {
    const error = new EntraConfigurationError(`${what.call(this)} is not for use beside fastify-entra; ${instead}`)
    const callback = parameters.find((each): each is Callback => typeof each === 'function')
    if (!callback && isSynchronous) throw error
    if (!callback) return Promise.reject(error)
    callback(error)
    return undefined
  }
}
