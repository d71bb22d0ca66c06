/** {@link expectGuarded}: every route of the access matrix, requested without a token, with unrelated ones and with ones that fit. */
import { AssertionError } from 'node:assert'
import { describe, type Rule } from '../authorization/rules.js'
import type { EntraTenant } from '../fastify/decorators.js'
import { type AccessEntry, isOperation } from '../routes/access-entry.js'
import { asksForSignIn, type Facts, isPassedBy, nearMisses, policiesIn, waysToPass } from './fitting.js'
import { pathsFor } from './paths.js'
import { follow, type Probe, tenantsOf } from './probe.js'
import type { TestTenant } from './tenant.js'
import { headersFor, unrelatedTo } from './unrelated.js'

/** A route that was tried, or what of one was not. */
export interface TriedRoute {
  readonly method: string
  /** The pattern, as declared. */
  readonly url: string
}

/** What {@link expectGuarded} did. */
export interface GuardReport {
  readonly tried: readonly TriedRoute[]
  /** Open routes, operations, policies, and what no test tenant can show; `why` says what. */
  readonly notTried: readonly (TriedRoute & { readonly why: string })[]
}

/** Options of {@link expectGuarded}. */
export interface ExpectGuardedOptions {
  /** Paths for patterns with parameters that have a pattern of their own, such as `{ '/v/:name(^[a-c]{7}$)': '/v/abcabca' }`. Default: some are tried. */
  readonly paths?: Readonly<Record<string, string>>
}

/** The part of Fastify's instance that is used. */
interface App {
  ready(): PromiseLike<unknown>
  inject(request: object): PromiseLike<Response>
  readonly entra?: EntraTenant
}

interface Response {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
}

/** Some routes are not guarded as the access matrix says. */
export class UnguardedRoutesError extends AssertionError {
  /** What is wrong, one line for each request. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super({
      message: `these requests were not answered as the access matrix says:\n${problems.join('\n')}`,
      operator: 'expectGuarded'
    })
    this.problems = problems
  }
}

/**
 * Requests every route of `app.entra.accessMatrix()` without a token (401), with valid tokens that lack all that its guards require, or one of
 * several things (403), and with tokens that satisfy them, in each way that there is. A request that passes the guards is answered behind the last of them: no handler and no
 * policy is called, and no body is sent that could be parsed. Hooks of the application run as for any request up to there.
 *
 * @param app an app with the options of a test tenant
 * @returns what was tried, and what was not
 * @throws UnguardedRoutesError when a request was answered otherwise
 * @throws Error when the app does not trust a test tenant, or has no route that requires a token
 */
export async function expectGuarded(app: object, { paths = {} }: ExpectGuardedOptions = {}): Promise<GuardReport> {
  const given = app as App
  await given.ready()
  const tenants = given.entra ? tenantsOf(given.entra) : []
  const [tenant] = tenants
  if (!given.entra || !tenant)
    throw new Error(
      'expectGuarded() got an app that does not trust a test tenant; register fastify-entra with tenant.options, and give the instance that has it'
    )
  const entries = given.entra.accessMatrix()
  const walk: Walk = { app: given, tenant, tenants, paths, entries, problems: [], tried: [], notTried: [] }
  for (const entry of entries) await tryRoute(entry, walk)
  if (walk.problems.length > 0) throw new UnguardedRoutesError(walk.problems)
  if (walk.tried.length === 0)
    throw new Error('expectGuarded() found no route that requires a token; declare routes before the app is ready')
  return Object.freeze({ tried: walk.tried, notTried: walk.notTried })
}

/** What is collected on the way. */
interface Walk {
  readonly app: App
  readonly tenant: TestTenant
  readonly tenants: readonly TestTenant[]
  readonly paths: Readonly<Record<string, string>>
  readonly entries: readonly AccessEntry[]
  readonly problems: string[]
  readonly tried: TriedRoute[]
  readonly notTried: (TriedRoute & { readonly why: string })[]
}

async function tryRoute(entry: AccessEntry, walk: Walk): Promise<void> {
  const { method, url, rule } = entry
  const skip = (why: string) => void walk.notTried.push({ method, url, why })
  const reason = untriable(entry) ?? shadowOf(entry, walk.entries)
  if (reason) return skip(reason)
  for (const name of rule ? policiesIn(rule) : []) skip(`the policy ${name}`)
  const ways = waysToPass(rule ?? allOfNothing)
  const fitting = ways.flatMap((facts) => headersFor(facts, walk.tenants) ?? [])
  if (fitting.length < ways.length) skip('a token that fits: no test tenant of this app issues it')
  const path = await pathOf(entry, fitting, walk)
  if (path === undefined) return
  const route = { ...entry, path }
  await expectNobody(route, walk)
  for (const headers of fitting) await expectPassing(route, walk, headers)
  walk.tried.push({ method, url })
  if (rule && (await tryOthers(route, rule, walk)) === 0) skip('an unrelated token: any valid one passes')
}

/** Callers who must be refused; returns how many unrelated ones there are. */
async function tryOthers(route: Route, rule: Rule, walk: Walk): Promise<number> {
  const others = unrelatedTo(rule, walk.tenants, walk.tenant)
  const unrelated = Object.values(others).filter((facts) => !isPassedBy(rule, facts, false))
  for (const facts of unrelated)
    await expectRefusal(route, walk, { facts, policies: false, what: `with an unrelated token (${facts.kind})` })
  const near = waysToPass(rule).flatMap((way) => nearMisses(way, others))
  for (const { facts, lacks } of near.filter((each) => !isPassedBy(rule, each.facts, true)))
    await expectRefusal(route, walk, { facts, policies: true, what: `with a token that fits except for ${lacks}` })
  return unrelated.length
}

/** A request that must be refused with 403, or with a challenge to sign in. */
interface Refused {
  readonly facts: Facts
  readonly policies: boolean
  readonly what: string
}

async function expectRefusal(route: Route, walk: Walk, { facts, policies, what }: Refused): Promise<void> {
  const headers = headersFor(facts, walk.tenants)
  if (!headers) return
  const { probe, response } = await send(route, walk, headers, policies)
  const isRefused = response.statusCode === 403 || (route.rule && asksForSignIn(route.rule) && isChallenge(response))
  if (probe.reached !== undefined || !isRefused)
    walk.problems.push(`${nameOf(route)} ${what}: ${outcome(probe, response)}, not 403`)
}

const outcome = ({ reached }: Probe, { statusCode }: Response) =>
  reached === undefined ? `answered ${statusCode}` : 'allowed'

const allOfNothing: Rule = { kind: 'allOf', rules: [] }

/** Why a route is not tried at all. */
function untriable(entry: AccessEntry): string | undefined {
  const { method, auth, rule, callers, constraints = {} } = entry
  if (isOperation(entry)) return 'an operation: no request leads to it; call its function'
  // Also the route of @fastify/cors, which answers preflights.
  const isOpen = auth === 'none' || (auth === 'optional' && !rule) || callers.startsWith('anyone')
  if (auth === 'unknown' || isOpen) return callers
  // Fastify refuses one without a body before the guards (RFC 10008 §2).
  if (method === 'QUERY') return 'QUERY requires a body, and none is sent'
  const isKnown = ([name, value]: [string, unknown]) => /^(version|host)$/.test(name) && typeof value === 'string'
  const other = Object.entries(constraints).find((each) => !isKnown(each))
  return other && `its constraint ${other[0]}`
}

/** The host of requests that name none, as `inject` sends it. */
const ownHost = 'localhost:80'

/** Why requests without a host of their own would not lead to a route: another one for that host has the same pattern. */
function shadowOf({ method, url, constraints = {} }: AccessEntry, entries: Walk['entries']): string | undefined {
  if (constraints.host !== undefined) return undefined
  const isForOwnHost = ({ constraints: { host } = {} }: AccessEntry) =>
    host instanceof RegExp ? host.test(ownHost) : host === ownHost
  const isShadowed = entries.some((other) => other.method === method && other.url === url && isForOwnHost(other))
  return isShadowed ? `another route of this pattern is for the host ${ownHost}` : undefined
}

/** A route, and a path that leads to it. */
type Route = AccessEntry & { readonly path: string }

/** The first path that leads to the route, as requests with a valid token show; if there is none, that is a problem. */
async function pathOf(entry: AccessEntry, fitting: readonly object[], walk: Walk): Promise<string | undefined> {
  const [headers = walk.tenant.user()] = fitting
  const given = walk.paths[entry.url]
  let other = ''
  for (const path of given === undefined ? pathsFor(entry.url) : [given]) {
    const { probe } = await send({ ...entry, path }, walk, headers, true)
    if (probe.route === undefined || isSame(probe.route, entry.url)) return path
    other = probe.route
  }
  walk.problems.push(
    `${nameOf(entry)}: no path for this pattern is known, so ${other} answered; give one in the option paths`
  )
  return undefined
}

/** `/` below a prefix has two spellings, and Fastify knows the route by one of them. */
const isSame = (one: string, other: string) => one.replace(/(?<=.)\/$/, '') === other.replace(/(?<=.)\/$/, '')

async function send({ method, path, constraints = {} }: Route, { app }: Walk, headers: object, policies: boolean) {
  const { version, host } = constraints
  const constrained = {
    ...(version !== undefined && { 'accept-version': version }),
    ...(host !== undefined && { host })
  }
  const request = { method, url: path, headers: { ...constrained, ...headers } }
  return follow((Request) => app.inject({ ...request, Request }), policies)
}

async function expectNobody(route: Route, walk: Walk): Promise<void> {
  const { probe, response } = await send(route, walk, {}, false)
  if (probe.reached !== undefined || response.statusCode !== 401)
    walk.problems.push(`${nameOf(route)} without a token: ${outcome(probe, response)}, not 401`)
}

/** A user can sign in again (RFC 9470 §3, and Entra's claims challenge). */
const isChallenge = ({ statusCode, headers }: Response) =>
  statusCode === 401 && /error="insufficient_/.test(String(headers['www-authenticate']))

async function expectPassing(route: Route, walk: Walk, headers: object): Promise<void> {
  const { probe, response } = await send(route, walk, headers, true)
  if (probe.reached === 'guards') return
  walk.problems.push(`${nameOf(route)} with a token that fits: ${outcomeOf(probe, response)}`)
}

function outcomeOf({ reached, unmet }: Probe, { statusCode, headers }: Response): string {
  if (reached === undefined) return `answered ${statusCode} before its guards passed${reasonIn(headers)}`
  return `reached the handler without ${[...unmet].map((rule) => describe(rule)).join(', and ')}`
}

/** The reason in a challenge (RFC 6750 §3). */
function reasonIn(headers: Response['headers']): string {
  const [, reason] = /error_description="([^"]*)"/.exec(String(headers['www-authenticate'])) ?? []
  return reason === undefined ? '' : ` (${reason})`
}

const nameOf = ({ method, url }: AccessEntry) => `${method} ${url}`
