/** An API under the plugin: the one way in which tests build it. The server, which is built on it, is in `server.ts`. */
import type { FastifyInstance, RouteShorthandOptions } from 'fastify'
import type { Test } from 'tap'
import entra, { type EntraOptions } from '../../src/plugin/index.js'
import { type Answer, get, listen, makeApp, type Running } from './http.js'
import { clientId, startTestTenant, type TestTenant, tenantId } from './tenant.js'

/** An app with the plugin. */
export interface Program {
  /** Options of the plugin. */
  readonly options?: object
  /** What the app has before the plugin is registered. */
  readonly before?: (app: FastifyInstance) => unknown
  /**
   * What comes after the plugin. Options by path: a `GET` of each answers `ok`. A function declares routes, and whatever else. Default:
   * `GET /me` answers the principal.
   */
  readonly routes?: Readonly<Record<string, RouteShorthandOptions>> | ((app: FastifyInstance) => unknown)
  /** An app of the test's own, in place of one that logs into memory. */
  readonly app?: object
  /** Another copy of the plugin. */
  readonly plugin?: typeof entra
}

export interface ApiSetup extends Omit<Program, 'options'> {
  /** The tenant that it trusts. Default: one of its own, which ends with the test. */
  readonly tenant?: TestTenant
  /** Options beside those that name the tenant; with `issuer` or `tenants` they replace those. */
  readonly options?: object | ((tenant: TestTenant) => object)
}

/** An API that listens. */
export interface Api extends Running {
  readonly tenant: TestTenant
  /** GETs a path, with a token or without. */
  get(path: string, token?: string, init?: RequestInit): Promise<Answer>
  /** The same, and what {@link outcomeOf} says of the answer. */
  outcome(path: string, token?: string): Promise<string>
}

/** Options that trust a tenant of the test. */
export const optionsFor = ({ origin }: TestTenant) => ({ tenantId, clientId, authority: origin })

/** `200`, or status and code of a refusal, such as `401 wrong_tenant`. */
export const outcomeOf = ({ status, body }: Answer): string =>
  status === 200 ? '200' : `${status} ${(JSON.parse(body) as { code: string }).code}`

/** Registers the plugin and declares routes; the app does not listen yet. It ends with the test. */
export async function buildApi(t: Test, program: Program) {
  const { options, before, routes = answersPrincipal, plugin = entra } = program
  const made = program.app ? { app: program.app as FastifyInstance, logged: () => '' } : makeApp(t)
  const { app } = made
  if (program.app) t.teardown(() => app.close())
  await before?.(app)
  await app.register(plugin, options as EntraOptions)
  if (typeof routes === 'function') await routes(app)
  else for (const [path, declared] of Object.entries(routes)) app.get(path, declared, async () => 'ok')
  return made
}

/** Builds an API for a tenant, and listens on a free port of loopback. Both end with the test. */
export async function startApi(t: Test, { tenant: given, options, ...program }: ApiSetup = {}): Promise<Api> {
  const tenant = given ?? (await startTestTenant(t))
  const more = typeof options === 'function' ? options(tenant) : { ...options }
  const replaces = 'issuer' in more || 'tenants' in more
  const made = await buildApi(t, { ...program, options: { ...(!replaces && optionsFor(tenant)), ...more } })
  const running = await listen(made)
  const getPath: Api['get'] = (path, token, init) => get(running.origin + path, token, init)
  return { ...running, tenant, get: getPath, outcome: async (path, token) => outcomeOf(await getPath(path, token)) }
}

const answersPrincipal = (app: FastifyInstance) => void app.get('/me', async ({ principal }) => principal)
