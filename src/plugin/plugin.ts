/** Wires the stages into Fastify: decorators, one onRequest hook, and onRoute to check what routes declare. */
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { authenticate } from './authenticate.js'
import { sendRefusal } from './challenge.js'
import { systemClock } from './clock.js'
import { EntraConfigurationError } from './errors.js'
import { createJsonClient } from './fetch-json.js'
import { isGuard, type Refuse, refuseRequest, routeGuards } from './guards.js'
import { findKey, Issuer, type IssuerSettings, type IssuerStatus } from './issuers.js'
import type { Metadata } from './metadata.js'
import { alternatives, createOpenapi, type EntraOpenapi } from './openapi.js'
import { type EntraOptions, type Settings, toSettings } from './options.js'
import type { Rule } from './rules.js'
import type { Principal } from './types.js'
import { jwtOptions, type Verifier, verificationOf } from './verify.js'

/** Who may call a route: any valid token (the default), also strangers, or anyone without a look at the token. */
export type RouteAuth = 'required' | 'optional' | 'none'

/** What the plugin knows of its tenant. */
export interface EntraTenant {
  /** True once v2's keys are held, and while they are not too old. */
  readonly ready: boolean
  /** Each trusted issuer with the state of its keys; v2 first. */
  readonly issuers: readonly IssuerStatus[]
  /** The v2 discovery document; `undefined` until it was had. */
  readonly metadata: Metadata | undefined
  /** The plugin's part of an OpenAPI document. */
  readonly openapi: EntraOpenapi
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
  }
}

/** The issuers of one tenant; v2, which every product has, comes first. */
type Issuers = readonly [Issuer, ...Issuer[]]

/** Well below Fastify's `pluginTimeout`, 10 s by default. */
const maxStartSeconds = 5

async function entra(app: FastifyInstance, options: EntraOptions): Promise<void> {
  refuseClash(app)
  const settings = toSettings(options)
  const { fetchJson, close } = createJsonClient(settings.keysTimeoutSeconds)
  const toIssuer = (issuer: IssuerSettings) => {
    const log = app.log.child({ metadataUrl: issuer.url })
    return new Issuer(issuer, settings.keyTimings, { fetchJson, clock: systemClock, log })
  }
  const [v2, ...others] = settings.issuers
  const issuers: Issuers = [toIssuer(v2), ...others.map(toIssuer)]
  const verifier = toVerifier(settings, issuers)

  await app.register(fastifyJwt, jwtOptions(verifier))
  const rules: Rule[] = []
  const refuse = decorate(app, issuers, settings, rules)
  app.addHook('onRoute', (route) => {
    rules.push(...checkRoute(route))
  })
  app.addHook('onRequest', async (request, reply) => {
    const why = await authenticate(request, verifier)
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

function refuseClash(app: FastifyInstance): void {
  if (app.hasDecorator('entra')) throw new EntraConfigurationError('fastify-entra is registered twice; once is for all')
  if (app.hasDecorator('jwt')) {
    throw new EntraConfigurationError('@fastify/jwt is registered already; register it after this, with a namespace')
  }
}

/** Keys are worth waiting for before the first request comes, but a tenant that hangs must not hold up the start. */
function firstTry(issuers: Issuers, timeoutSeconds: number): Promise<unknown> {
  const tries = Promise.all(issuers.map(({ keys }) => keys.start()))
  const patience = Math.min(timeoutSeconds, maxStartSeconds) * 1000
  return new Promise((resolve) => {
    const cancel = systemClock.after(patience, () => resolve(undefined))
    void tries.then(cancel).then(resolve)
  })
}

function toVerifier(settings: Settings, issuers: Issuers): Verifier {
  const versionOf = (iss: string) => issuers.find(({ name }) => name === iss)?.settings.version
  return { ...settings, rules: { ...settings, versionOf }, findKey: (iss, kid) => findKey(issuers, iss, kid) }
}

function describeTenant([v2, ...others]: Issuers, { scopeBase }: Settings, rules: readonly Rule[]): EntraTenant {
  const metadata = () => v2.metadata
  const openapi = createOpenapi({ scopeBase, metadataUrl: v2.settings.url, metadata, rules })
  return {
    openapi,
    get ready() {
      return v2.keys.status.state !== 'cold'
    },
    get issuers() {
      return [v2, ...others].map(({ status }) => status)
    },
    get metadata() {
      return metadata()
    }
  }
}

function decorate(app: FastifyInstance, issuers: Issuers, settings: Settings, rules: readonly Rule[]): Refuse {
  const refuse: Refuse = (request, reply, why) => sendRefusal(request, reply, why, settings.scopeBase)
  app.decorate('entra', describeTenant(issuers, settings, rules))
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

/** Documents and checks; enforcement is the hook's, which also sees routes that were declared before. */
function checkRoute(route: RouteOptions): Rule[] {
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
  const rules = guards.map(({ rule }) => rule)
  if (alternatives({ kind: 'allOf', rules }).length === 0) {
    throw new EntraConfigurationError(`${where} asks for a user and an app at once, so nobody could ever call it`)
  }
  route.config = { ...route.config, [routeGuards]: guards }
  return rules
}

/**
 * The plugin: verifies the bearer token of every request against a Microsoft Entra tenant, and closes every route that
 * does not say otherwise (`config: { auth: 'none' }`, or `'optional'`).
 *
 * Registration throws an {@link EntraConfigurationError} when an option is missing, empty or contradictory. A tenant
 * that cannot be reached does not stop the start: until it can, tokens are answered with 503.
 */
export const fastifyEntra = fp(entra, { name: 'fastify-entra', fastify: '5.x' })
