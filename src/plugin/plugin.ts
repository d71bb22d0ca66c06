/** Wires the stages into Fastify: decorators, one onRequest hook, and onRoute to check what routes declare. */
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { bearerToken } from './bearer.js'
import { sendRefusal } from './challenge.js'
import { systemClock } from './clock.js'
import { EntraConfigurationError, isRefusal, type Refusal, refusal } from './errors.js'
import { createJsonClient } from './fetch-json.js'
import { type Guard, isGuard, type Refuse, refuseRequest } from './guards.js'
import { findKey, Issuer, type IssuerStatus } from './issuers.js'
import type { Metadata } from './metadata.js'
import { type EntraOptions, type Settings, toSettings } from './options.js'
import { scopesOf } from './rules.js'
import type { Principal } from './types.js'
import { jwtOptions, type Verifier, verificationOf, verifyToken } from './verify.js'

/** Who may call a route: any valid token (the default), also strangers, or anyone without a look at the token. */
export type RouteAuth = 'required' | 'optional' | 'none'

/** What the plugin knows of its tenant. */
export interface EntraTenant {
  /** True once keys are held, and while they are not too old: tokens can be verified. */
  readonly ready: boolean
  /** Each trusted issuer with the state of its keys; v2 first. */
  readonly issuers: readonly IssuerStatus[]
  /** The v2 discovery document; `undefined` until it was had. */
  readonly metadata: Metadata | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The tenant that this instance trusts. */
    readonly entra: EntraTenant
  }
  interface FastifyRequest {
    /**
     * Who sent the request.
     *
     * @throws EntraConfigurationError on a request without a token: the route allows strangers, and must look at
     * {@link FastifyRequest.principalOrNull} instead
     */
    readonly principal: Principal
    /** Who sent the request, or `null` where the route allows strangers and one came. */
    principalOrNull: Principal | null
  }
  interface FastifyContextConfig {
    /** Who may call this route. Default: `required`. */
    auth?: RouteAuth
    /** The guards of this route, noted when it is declared. */
    [routeGuards]?: readonly Guard[]
  }
}

/** Well below Fastify's `pluginTimeout`, 10 s by default. */
const maxStartSeconds = 5

const routeGuards = Symbol('fastify-entra.guards')

async function entra(app: FastifyInstance, options: EntraOptions): Promise<void> {
  const settings = toSettings(options)
  const { fetchJson, close } = createJsonClient(settings.keysTimeoutSeconds)
  const surroundings = { fetchJson, clock: systemClock, log: app.log }
  const issuers = settings.issuers.map((issuer) => new Issuer(issuer, settings.keyTimings, surroundings))
  const verifier = toVerifier(settings, issuers)

  await app.register(fastifyJwt, jwtOptions(verifier))
  const refuse = decorate(app, issuers, settings)
  app.addHook('onRoute', checkRoute)
  app.addHook('onRequest', async (request, reply) => {
    const why = await authenticate(request, verifier, settings)
    return why && refuse(request, reply, why)
  })
  const corsCameFirst = app.hasPlugin('@fastify/cors')
  app.addHook('onReady', async () => {
    if (!corsCameFirst && app.hasPlugin('@fastify/cors'))
      app.log.warn('@fastify/cors must be registered before fastify-entra')
    await firstTry(issuers, settings.keysTimeoutSeconds)
  })
  app.addHook('onClose', async () => {
    for (const { keys } of issuers) keys.close()
    await close()
  })
}

/** Keys are worth waiting for before the first request comes, but a tenant that hangs must not hold up the start. */
function firstTry(issuers: readonly Issuer[], timeoutSeconds: number): Promise<unknown> {
  const tries = Promise.all(issuers.map(({ keys }) => keys.start()))
  const patience = Math.min(timeoutSeconds, maxStartSeconds) * 1000
  return Promise.race([tries, new Promise<void>((resolve) => systemClock.after(patience, resolve))])
}

function toVerifier(settings: Settings, issuers: readonly Issuer[]): Verifier {
  const versionOf = (iss: string) => issuers.find(({ name }) => name === iss)?.settings.version
  return { ...settings, rules: { ...settings, versionOf }, findKey: (iss, kid) => findKey(issuers, iss, kid) }
}

function decorate(app: FastifyInstance, issuers: readonly Issuer[], settings: Settings): Refuse {
  const realm = settings.audiences[0] ?? settings.clientId
  const refuse: Refuse = (request, reply, why) => sendRefusal(request, reply, why, realm)
  app.decorate('entra', {
    get ready() {
      return issuers[0]?.keys.status.state !== 'cold'
    },
    get issuers() {
      return issuers.map(({ status }) => status)
    },
    get metadata() {
      return issuers[0]?.metadata
    }
  })
  app.decorate(refuseRequest, refuse)
  app.decorateRequest(verificationOf, null)
  app.decorateRequest('principal', {
    getter(this: FastifyRequest) {
      if (this.principalOrNull) return this.principalOrNull
      const route = `${this.method} ${this.routeOptions.url ?? 'of no route'}`
      throw new EntraConfigurationError(
        `${route} allows strangers; read request.principalOrNull there, not request.principal`
      )
    }
  })
  return refuse
}

/** Headers → principal on the request, or why not. */
async function authenticate(
  request: FastifyRequest,
  verifier: Verifier,
  settings: Settings
): Promise<Refusal | undefined> {
  const { auth, [routeGuards]: guards = [] } = request.routeOptions.config
  if (auth === 'none') return undefined
  const token = bearerToken(request.raw.rawHeaders)
  if (isRefusal(token)) return auth === 'optional' && token.code === 'credentials_missing' ? undefined : token
  const why = await verifyToken(request, token, verifier)
  if (why) return why
  const { scopes, roles, clientId } = request.principal
  if (scopes.length > 0 || roles.length > 0 || settings.rolelessClients.has(clientId)) return undefined
  request.principalOrNull = null
  const helpful = guards.flatMap(({ rule }) => scopesOf(rule))
  return refusal('no_permissions', helpful.length > 0 ? { scopes: helpful } : {})
}

/** Documents and checks; enforcement is the hook's, which also sees routes that were declared before. */
function checkRoute(route: RouteOptions): void {
  const { auth = 'required' } = route.config ?? {}
  const where = `${route.method} ${route.url}`
  if (!['required', 'optional', 'none'].includes(auth)) {
    throw new EntraConfigurationError(
      `${where} has config.auth ${JSON.stringify(auth)}; it is required, optional or none`
    )
  }
  const guards = [route.preHandler ?? []].flat().filter(isGuard)
  if (auth === 'none' && guards.length > 0) {
    throw new EntraConfigurationError(`${where} has a guard and config.auth "none"; a guard needs a token to look at`)
  }
  route.config = { ...route.config, [routeGuards]: guards }
}

/**
 * The plugin: verifies the bearer token of every request against a Microsoft Entra tenant, and closes every route that
 * does not say otherwise (`config: { auth: 'none' }`, or `'optional'`).
 *
 * Registration throws an {@link EntraConfigurationError} when an option is missing, empty or contradictory. A tenant
 * that cannot be reached does not stop the start: until it can, tokens are answered with 503.
 */
export const fastifyEntra = fp(entra, { name: 'fastify-entra', fastify: '5.x' })
