/** Connects the modules to Fastify: decorators, one onRequest hook, and checks of declared routes. */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Engine, startEngine } from './engine.js'
import { authenticate } from './fastify/authenticate.js'
import { decorate } from './fastify/decorators.js'
import { enforceConfigGuards } from './fastify/enforce.js'
import { registerJwt } from './fastify/jwt-surface.js'
import { metadataPublisher } from './fastify/metadata-host.js'
import { noteReply } from './fastify/principal-signal.js'
import { RequestOccasion } from './fastify/request-occasion.js'
import { hasPrincipal } from './fastify/request-principal.js'
import { scopesToRequest } from './fastify/scopes-to-request.js'
import type { Refuse } from './fastify/send-refusal.js'
import { EntraConfigurationError } from './lib/configuration-error.js'
import { toLoggableError } from './lib/logged-error.js'
import { pluginMark } from './lib/marks.js'
import { ownProperties } from './lib/own.js'
import type { RequestProbe } from './lib/test-network.js'
import { type EntraOptions, type Settings, toSettings } from './options.js'
import type { Refusal } from './refusals/refusal.js'
import { groupsByName, refuseDirectoryRules } from './routes/access-checks.js'
import type { AccessEntry } from './routes/access-entry.js'
import { watchRoutes } from './routes/access-matrix.js'
import { isSilent } from './routes/internals.js'
import { reportScope } from './routes/scope.js'
import { watchRoot, watchUnprotectedGuards } from './routes/unprotected-guards.js'
import { createIdentifyToken, createVerifyToken } from './verification/identify.js'

watchUnprotectedGuards()

/** For an app of any type parameters, and of another copy of Fastify, as NestJS pins one of its own: their types are not comparable. */
type AnyFastifyPlugin = (app: object, options: EntraOptions) => Promise<void>

/** Fastify's own options of `register` (Fastify: "Plugins"), which it passes on. Without a meaning here: the plugin has no routes. */
const ofRegister = ['prefix', 'logLevel', 'logSerializers']

async function entra(app: FastifyInstance, given: EntraOptions): Promise<void> {
  const options = ownProperties(given)
  for (const name of ofRegister) Reflect.deleteProperty(options, name)
  const settings = toSettings(options)
  refuseClash(app, settings.userDecorator)
  const publish = metadataPublisher(app, settings.resource)
  watchRoot(app)
  const logFor = (metadataUrl: string) => app.log.child({ metadataUrl })
  const startTimeoutSeconds = (app.initialConfig.pluginTimeout || Number.POSITIVE_INFINITY) / 1000 // 0: none
  const engine = await startEngine(settings, { log: app.log, logFor, isSilent, startTimeoutSeconds })
  const { issuers, verifier, audit } = engine
  const identifyToken = createIdentifyToken(verifier, audit)
  const verifyToken = createVerifyToken(identifyToken, app.log)
  await registerJwt(app, verifier, verifyToken)
  for (const warning of settings.warnings) app.log.warn(warning)
  const { entries, ...routes } = watchRoutes(app, settings.strictRoutes)
  const refuse = decorate(app, engine, { ...routes, accessMatrix: entries, identifyToken, verifyToken })
  publish(issuers, entries)
  const withScopes = scopesToRequest(settings.resource, issuers)
  const probe = probeOf(app, settings)
  authenticateRequests(app, engine, (request, reply, why) => refuse(request, reply, withScopes(request, why)), probe)
  enforceConfigGuards(app)
  // A refusal depends on its hooks.
  const hasCors = app.hasPlugin('@fastify/cors')
  app.addHook('onReady', async () => {
    if (!hasCors && app.hasPlugin('@fastify/cors'))
      app.log.warn('@fastify/cors must be registered before fastify-entra')
    if (hasForeignUpgrades(app)) app.log.warn(foreignUpgrades)
    logScope(app, entries())
    if (!issuers.some(({ settings }) => settings.profile.isDirectory)) refuseDirectoryRules(entries())
    if (issuers.every(({ settings }) => settings.profile.scopeBase !== undefined))
      for (const warning of groupsByName(entries())) app.log.warn(warning)
    await engine.firstTry()
  })
  app.addHook('onClose', () => engine.close())
}

/** The hook that each request passes. With a callback: an async hook costs a promise even when the result is known at once. */
function authenticateRequests(
  app: FastifyInstance,
  { verifier, audit }: Engine,
  refuse: Refuse,
  probe: RequestProbe | undefined
): void {
  app.addHook('onRequest', (request, reply, done) => {
    noteReply(request, reply)
    const passes = (why: Refusal | undefined) => {
      if (why) refuse(request, reply, why)
      else if (hasPrincipal(request)) audit.authenticated(new RequestOccasion(request))
      return why === undefined && !probe?.entered(request, reply)
    }
    // Without an error, `done` would allow the request.
    const failed = (error: unknown) => done(toLoggableError(error))
    let why: ReturnType<typeof authenticate>
    try {
      why = authenticate(request, verifier)
    } catch (error) {
      return failed(error)
    }
    if (why instanceof Promise) why.then(passes).then((go) => go && done(), failed)
    else if (passes(why)) done()
  })
}

function logScope(app: FastifyInstance, entries: readonly AccessEntry[]): void {
  const scope = reportScope(app, entries)
  if (scope) app.log.info(scope.seen)
  if (scope?.unseen) app.log.warn(scope.unseen)
}

/** In tests of an application with a test tenant; otherwise `undefined`. */
function probeOf(app: FastifyInstance, { testNetworks }: Settings): RequestProbe | undefined {
  const [first] = testNetworks
  first?.probe.attach(app.entra, testNetworks)
  return first?.probe
}

const foreignUpgrades =
  'the server has an upgrade listener that may not be one of Fastify, such as that of socket.io: requests that it handles itself do not reach fastify-entra; verify their tokens with app.entra.verifyToken()'

/** Whether a listener may handle upgrades by itself. Those of these two plugins pass each request on to Fastify. */
function hasForeignUpgrades(app: FastifyInstance): boolean {
  const known = ['@fastify/websocket', '@fastify/http-proxy'].filter((name) => app.hasPlugin(name))
  return app.server.listenerCount('upgrade') > known.length
}

function refuseClash(app: FastifyInstance, hasUser: boolean): void {
  if (pluginMark in app) throw new EntraConfigurationError('fastify-entra is registered twice; register it once')
  const names = ['principal', 'principalOrNull', 'principalSignal', 'renewPrincipal', ...(hasUser ? ['user'] : [])]
  const taken = names.find((name) => app.hasRequestDecorator(name))
  if (taken)
    throw new EntraConfigurationError(
      `request.${taken} is decorated already, and this plugin needs the name; rename the other decorator`
    )
  const onApp = ['entra', 'verifyToken', 'accessMatrix'].find((name) => app.hasDecorator(name))
  if (onApp)
    throw new EntraConfigurationError(
      `app.${onApp} is decorated already, and this plugin needs the name; rename the other decorator`
    )
  if (app.hasDecorator('jwt')) {
    throw new EntraConfigurationError(
      '@fastify/jwt is registered already; register it after fastify-entra, with a namespace'
    )
  }
}

/**
 * The plugin: verifies the bearer token of every request against a Microsoft Entra tenant, or another OpenID provider, and requires a valid
 * token on every route that does not declare `config: { auth: 'none' }` or `'optional'`.
 *
 * Registration throws an {@link EntraConfigurationError} when an option is missing, empty or contradictory. An unreachable tenant does not
 * make it throw: until the tenant responds, the plugin responds to tokens with 503.
 */
export const fastifyEntra = fp(entra, { name: 'fastify-entra', fastify: '5.x' }) as AnyFastifyPlugin
