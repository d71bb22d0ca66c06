/**
 * The interface of @fastify/jwt, for apps that migrate from it: `request.jwtVerify()` returns the claims that this plugin verified,
 * whatever options it gets. Functions that would sign, or verify without the tenant's rules, throw an error that names the alternative.
 */
import fastifyJwt, { type FastifyJWTOptions } from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { routeOf } from '../authorization/guard.js'
import type { Claims } from '../claims/principal.js'
import { requiredClaims } from '../claims/read.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { isRefusal } from '../refusals/refusal.js'
import { TokenRefusedError } from '../refusals/refusal-error.js'
import { authorizationHeader, bearerToken, boundOf } from '../verification/bearer.js'
import { type DecodedToken, decodeToken } from '../verification/decode.js'
import type { VerifyToken } from '../verification/identify.js'
import { keyNameIn } from '../verification/jose-header.js'
import type { VerifierState } from '../verification/verify.js'
import { principalOf } from './request-principal.js'

type Callback = (error: Error | null, claims?: Claims) => void

const onRequests = {
  jwtDecode: 'the claims of the verified token are in request.principal.claims'
} as const
const onApp = {
  verify: 'call await app.entra.verifyToken(token)',
  sign: 'only the tenant signs tokens; register @fastify/jwt again, with a namespace, to sign tokens of your own',
  lookupToken: 'only the plugin reads the Authorization header'
} as const

/** The prefix of @fastify/jwt's names here: its usual names are defined by this file. */
const namespace = 'fastifyEntra'

/** Requests whose token the plugin verified, while @fastify/jwt verifies it again: alone it checks no tenant and no audience. */
const verifying = new WeakSet<FastifyRequest>()
const onlyOurs = 'functions whose names begin with fastifyEntra are internal; call request.jwtVerify()'

/**
 * Registers @fastify/jwt. It verifies the token again when an app calls `request.jwtVerify()`, only with the key that the issuer publishes.
 */
export async function registerJwt(app: FastifyInstance, state: VerifierState, verifyToken: VerifyToken): Promise<void> {
  await app.register(fastifyJwt, jwtOptions(state))
  const { jwt } = app as unknown as { jwt: Record<string, unknown> }
  const own = jwt[namespace] as { decode: unknown }
  for (const [name, instead] of Object.entries(onApp)) jwt[name] = refusing(() => `app.jwt.${name}()`, instead, true)
  jwt.decode = own.decode
  for (const [name, instead] of Object.entries(onRequests))
    app.decorateRequest(
      name,
      refusing(function (this: unknown) {
        return `${routeOf(this as FastifyRequest)} calls request.${name}(), which`
      }, instead)
    )
  app.decorateRequest('jwtVerify', function (this: FastifyRequest, ...parameters: unknown[]) {
    return calledBack(verifiedClaims(this, verifyToken), parameters)
  })
  app.decorateReply(
    'jwtSign',
    refusing(() => 'reply.jwtSign()', onApp.sign)
  )
}

function jwtOptions({ issuers, algorithms, clockToleranceSeconds }: VerifierState): FastifyJWTOptions {
  return {
    namespace,
    decoratorName: `${namespace}Claims`,
    jwtVerify: `${namespace}Verify`,
    secret: {
      public: async (request: FastifyRequest) => {
        if (!verifying.has(request)) throw new EntraConfigurationError(onlyOurs)
        const decoded = decodeToken(tokenOf(request)) as DecodedToken // it was verified
        const found = await issuers.findKey(decoded.payload.iss, keyNameIn(decoded), decoded.payload)
        if (isRefusal(found)) throw new TokenRefusedError(found)
        return found.key.pem
      }
    },
    verify: {
      algorithms: [...algorithms],
      requiredClaims: [...requiredClaims],
      clockTolerance: clockToleranceSeconds * 1000,
      extractToken: tokenOf
    }
  }
}

/** Verifies by the plugin, and then by @fastify/jwt; also on routes that require no token, if one was sent. */
async function verifiedClaims(request: FastifyRequest, verifyToken: VerifyToken): Promise<Claims> {
  const { claims } = principalOf(request) ?? (await verifyToken(tokenOf(request)))
  verifying.add(request)
  try {
    await (request as unknown as { fastifyEntraVerify(): Promise<unknown> }).fastifyEntraVerify()
    return claims
  } finally {
    verifying.delete(request)
  }
}

function tokenOf({ raw }: FastifyRequest): string {
  const header = authorizationHeader(raw.rawHeaders, boundOf(raw))
  const token = isRefusal(header) ? header : bearerToken(header)
  if (isRefusal(token)) throw new TokenRefusedError(token)
  return token
}

/** As in @fastify/jwt: returns a promise, or calls a callback, the last parameter. */
function calledBack(claims: Promise<Claims>, parameters: readonly unknown[]): Promise<Claims> | undefined {
  const callback = parameters.find((each): each is Callback => typeof each === 'function')
  if (!callback) return claims
  claims.then((each) => callback(null, each), callback)
  return undefined
}

/** Throws, rejects, or calls back, as the replaced function does with its errors. */
function refusing(what: (this: unknown) => string, instead: string, isSynchronous = false) {
  return function (this: unknown, ...parameters: unknown[]): Promise<never> | undefined {
    const error = new EntraConfigurationError(`${what.call(this)} is not supported with fastify-entra; ${instead}`)
    const callback = parameters.find((each): each is Callback => typeof each === 'function')
    if (!callback && isSynchronous) throw error
    if (!callback) return Promise.reject(error)
    callback(error)
    return undefined
  }
}
