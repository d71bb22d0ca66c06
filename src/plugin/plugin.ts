/** Wires the stages into Fastify: decorators, one onRequest hook, and a watch on what routes declare. */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Audit, createAudit } from './audit/audit.js'
import { loadClientPackage } from './downstream/token-clients.js'
import { withHint } from './entra/hints.js'
import { authenticate } from './fastify/authenticate.js'
import { decorate, type Issuers } from './fastify/decorators.js'
import { isSilent } from './fastify/internals.js'
import { registerJwt } from './fastify/jwt-surface.js'
import { RequestOccasion } from './fastify/request-occasion.js'
import { principalOf } from './fastify/request-principal.js'
import { createVerifyToken } from './fastify/verify-token.js'
import { Issuer, type IssuerSettings, type TenantEvent } from './issuers/issuer.js'
import { TrustedIssuers } from './issuers/trusted-issuers.js'
import { systemClock } from './lib/clock.js'
import { EntraConfigurationError } from './lib/configuration-error.js'
import type { FetchJson } from './lib/json-client.js'
import { createJsonClient } from './lib/json-client.js'
import { toLoggableError } from './lib/logged-error.js'
import { pluginMark } from './lib/marks.js'
import { type EntraOptions, type Settings, toSettings } from './options.js'
import type { Refusal } from './refusals/refusal.js'
import { refuseMembers } from './routes/access-checks.js'
import { watchRoutes } from './routes/access-matrix.js'
import { Forgeries } from './verification/signature-precheck.js'
import { TokenCache } from './verification/token-cache.js'
import type { Verifier } from './verification/verify.js'

/** To one origin at once: eight directories may have all their places taken (`answers`) before others would wait. */
const connectionsForCallers = 1024

/** Well below Fastify's `pluginTimeout`, 10 s by default. */
const maxStartSeconds = 5

const websocketsLate =
  '@fastify/websocket must be registered before fastify-entra, and on the same instance; it closes the socket of a refused upgrade only where it saw the request'

async function entra(app: FastifyInstance, options: EntraOptions): Promise<void> {
  refuseClash(app)
  const settings = toSettings(options)
  await loadClientPackage(settings.clients)
  // Two, as a client has so many connections to an origin: what is asked for callers must not hold up the keys.
  const forKeys = createJsonClient(settings.keysTimeoutSeconds)
  const forCallers = createJsonClient(settings.keysTimeoutSeconds, connectionsForCallers)
  const audit = createAudit(settings.audit, isSilent)
  const issuers = createIssuers(app, settings, forKeys.fetchJson, audit)
  const { tokenCache, clockToleranceSeconds } = settings
  const cache = tokenCache && new TokenCache(tokenCache, clockToleranceSeconds)
  const trusted = new TrustedIssuers(issuers)
  const hint: Verifier['hint'] = (why, decoded) => withHint(why, decoded, { ...settings, issuers: trusted })
  const verifier: Verifier = { ...settings, issuers: trusted, hint, cache, forgeries: new Forgeries() }

  const jwt = await registerJwt(app, verifier)
  app.decorate('verifyToken', createVerifyToken(app, jwt, verifier, audit))
  for (const warning of settings.warnings) app.log.warn(warning)
  const rules = watchRoutes(app, settings.strictRoutes)
  const { exchangeJson } = forCallers
  const refuse = decorate(app, settings, { issuers, trusted, rules, audit, exchangeJson })
  // With a callback: an async hook costs a promise also where the answer is known at once.
  app.addHook('onRequest', (request, reply, done) => {
    const passes = (why: Refusal | undefined) => {
      if (why) refuse(request, reply, why)
      else if (principalOf(request)) audit.authenticated(new RequestOccasion(request))
      return why === undefined
    }
    // Without an error `done` would let the request pass.
    const failed = (error: unknown) => done(toLoggableError(error))
    const why = authenticate(request, verifier)
    if (why instanceof Promise) why.then(passes).then((go) => go && done(), failed)
    else if (passes(why)) done()
  })
  // Their hooks are what a refusal needs: CORS headers, and the end of a socket.
  const [hasCors, seesUpgrades] = ['@fastify/cors', '@fastify/websocket'].map((name) => app.hasPlugin(name))
  app.addHook('onReady', async () => {
    if (!hasCors && app.hasPlugin('@fastify/cors'))
      app.log.warn('@fastify/cors must be registered before fastify-entra')
    if (!seesUpgrades && app.server.listenerCount('upgrade') > 0) throw new EntraConfigurationError(websocketsLate)
    if (!issuers.some(({ settings }) => settings.profile.showsMembers)) refuseMembers(app.accessMatrix())
    await firstTry(issuers, settings.keysTimeoutSeconds)
  })
  app.addHook('onClose', async () => {
    for (const { keys } of issuers) keys.close()
    await Promise.all([forKeys.close(), forCallers.close()])
  })
}

function createIssuers(app: FastifyInstance, settings: Settings, fetchJson: FetchJson, audit: Audit): Issuers {
  const names = new Map<string, Issuer>()
  const tell = (change: TenantEvent) => audit.tenant(app.log, change)
  const toIssuer = (issuer: IssuerSettings) => {
    const log = app.log.child({ metadataUrl: issuer.url })
    return new Issuer(issuer, settings.keyTimings, { fetchJson, clock: systemClock, log, names, tell })
  }
  const [first, ...others] = settings.issuers
  const issuers: Issuers = [toIssuer(first), ...others.map(toIssuer)]
  const byUrl = new Map(issuers.map((issuer) => [issuer.settings.url, issuer]))
  for (const issuer of issuers) issuer.sibling = byUrl.get(issuer.settings.siblingUrl ?? '')
  return issuers
}

function refuseClash(app: FastifyInstance): void {
  if (pluginMark in app) throw new EntraConfigurationError('fastify-entra is registered twice; once is for all')
  const taken = ['principal', 'principalOrNull'].find((name) => app.hasRequestDecorator(name))
  if (taken) throw new EntraConfigurationError(`request.${taken} is decorated already; this plugin needs the name`)
  const onApp = ['entra', 'verifyToken', 'accessMatrix'].find((name) => app.hasDecorator(name))
  if (onApp) throw new EntraConfigurationError(`app.${onApp} is decorated already; this plugin needs the name`)
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

/**
 * The plugin: verifies the bearer token of every request against a Microsoft Entra tenant, or another OpenID provider, and
 * closes every route that does not say otherwise (`config: { auth: 'none' }`, or `'optional'`).
 *
 * Registration throws an {@link EntraConfigurationError} when an option is missing, empty or contradictory. A tenant
 * that cannot be reached does not stop the start: until it can, tokens are answered with 503.
 */
export const fastifyEntra = fp(entra, { name: 'fastify-entra', fastify: '5.x' })
