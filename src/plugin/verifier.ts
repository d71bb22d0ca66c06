/** {@link createVerifier}: all checks of an access token, for code without Fastify: queues, functions, other frameworks. */
import type { GroupsOptions } from './authorization/groups.js'
import { type Guard, isGuard } from './authorization/guard.js'
import { Operations } from './authorization/operation.js'
import type { Context, Rule } from './authorization/rules.js'
import { createAuthorizer, groupsLookup } from './authorizer.js'
import type { Principal } from './claims/principal.js'
import { type Engine, startEngine } from './engine.js'
import type { EntraTenantOptions } from './entra/options.js'
import { type Explanation, explainToken } from './explain.js'
import type { IssuerStatus } from './issuers/issuer.js'
import type { KeySourceOptions } from './keys/preloaded.js'
import type { TimeOptions } from './keys/timings.js'
import { EntraConfigurationError } from './lib/configuration-error.js'
import { type Logger, noLog } from './lib/logger.js'
import { ownProperties } from './lib/own.js'
import { shown } from './lib/validate.js'
import type { OidcOptions } from './oidc/options.js'
import {
  type AuditOptions,
  challengeContextOf,
  type EntraOptions,
  type MemoryOptions,
  type RevocationOptions,
  type Settings,
  type TenantsOptions,
  toSettings
} from './options.js'
import { type ChallengeContext, challengeOf, type Problem, problemMediaType, toProblem } from './refusals/challenge.js'
import { isRefusal, type Refusal, refusal } from './refusals/refusal.js'
import { DownstreamError, refusalIn, TokenRefusedError } from './refusals/refusal-error.js'
import { metadataOf, type ProtectedResourceMetadata } from './resource/metadata.js'
import type { ResourceOptions } from './resource/protected-resource.js'
import { bearerToken } from './verification/bearer.js'
import { createIdentifyToken, createVerifyToken, type VerifyToken } from './verification/identify.js'

/** Options of {@link createVerifier}: those of the plugin, except options for routes and requests. */
export type VerifierOptions = (EntraTenantOptions | OidcOptions | TenantsOptions) &
  TimeOptions &
  KeySourceOptions &
  MemoryOptions &
  GroupsOptions &
  RevocationOptions &
  AuditOptions &
  ResourceOptions & {
    /** A logger for outages, errors of your own functions and decisions, such as pino's. Default: none. */
    log?: Logger
  }

/** The credentials that a caller sent. */
export interface Credentials {
  /** RFC 6750: the only supported scheme. */
  readonly scheme: 'Bearer'
  /** The token alone. */
  readonly token: string
}

/** Verifies access tokens, without Fastify. */
export interface Verifier {
  /**
   * Resolves when keys are fetched, the wait for them is over, or preloaded ones can be used, as {@link Verifier.issuers} says. An outage is not an error: tokens are refused with 503 until it ends.
   *
   * @throws EntraConfigurationError when an option is missing, unknown or contradictory
   */
  ready(): Promise<void>
  /**
   * Verifies a token with all checks.
   *
   * @throws TokenRefusedError with the `code` and the `statusCode` that a request with this token would get; `credentials_missing` for
   * another scheme
   * @throws EntraConfigurationError as {@link Verifier.ready}, and after {@link Verifier.close}
   */
  verify(credentials: Credentials): Promise<Principal>
  /**
   * Evaluates a guard, such as `requireScope('Orders.Read')`, for a principal whose token is still valid.
   *
   * @param principal one that {@link Verifier.verify} of this verifier returned; no copy of it
   * @param context the second parameter of your own policies. Default: `{ log }`
   * @returns the principal, typed by what the guard allows
   * @throws TokenRefusedError when the guard refuses: 403, 401 when the token is no longer valid or a stronger sign-in helps, 503 when that
   * cannot be determined
   * @throws EntraConfigurationError for any other principal, or a function that is no guard
   */
  authorize<Allowed extends Principal>(principal: Principal, guard: Guard<Allowed>, context?: Context): Promise<Allowed>
  /**
   * Declares an operation by a name, which the audit events of its decisions have as `operation`.
   *
   * @param name 1 to 128 letters, digits and `. _ - / :`, such as `orders.cancel`
   * @returns a function that decides as {@link Verifier.authorize} does with this guard
   * @throws EntraConfigurationError when the name is not allowed or taken, or nobody can satisfy the guard
   */
  declareOperation<Allowed extends Principal>(name: string, guard: Guard<Allowed>): VerifierOperation<Allowed>
  /**
   * Builds the response that the plugin would send: status, headers (`WWW-Authenticate` with a challenge if one helps, RFC 6750 §3) and
   * problem details (RFC 9457).
   *
   * @param error a `TokenRefusedError` or a `DownstreamError`; any other is rethrown
   * @param requestId for the body and your log
   */
  answerTo(error: unknown, requestId: string): RefusedAnswer
  /**
   * Reports the result of each check of a token, also after the first that fails. For developers: it reveals more than a caller may know.
   */
  explain(token: string): Promise<Explanation>
  /**
   * Builds the metadata (RFC 9728) to serve as JSON at the URL that challenges name; `undefined` without the option `resource`, before {@link Verifier.ready}, and while the
   * name of an issuer is unknown.
   *
   * @param guards whose scopes it lists beside those of declared operations. Default: none
   */
  resourceMetadata(guards?: readonly Guard[]): ProtectedResourceMetadata | undefined
  /** Each trusted issuer with the state of its keys; none before {@link Verifier.ready}. */
  readonly issuers: readonly IssuerStatus[]
  /** Verified tokens in the token cache; 0 without one. */
  readonly cachedTokens: number
  /** Aborts pending calls, and closes the sockets. */
  close(): Promise<void>
}

/** Decides whether a principal may do what was declared. Throws as {@link Verifier.authorize}. */
export type VerifierOperation<Allowed extends Principal = Principal> = (
  principal: Principal,
  context?: Context
) => Promise<Allowed>

/** The response to a refused caller. */
export interface RefusedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Problem
}

/**
 * Parses the credentials in an `Authorization` header.
 *
 * @throws TokenRefusedError `credentials_missing` if there are none, `authorization_malformed` if they are not `Bearer`, one space and a
 * token
 */
export function credentialsOf(authorization: string | null | undefined): Credentials {
  const token = bearerToken(authorization ?? '')
  if (isRefusal(token)) throw new TokenRefusedError(token)
  return { scheme: 'Bearer', token }
}

function tokenOf(credentials: Credentials): string {
  const { scheme, token } = ownProperties(credentials)
  if (/^bearer$/i.test(String(scheme))) return token
  // Not shown, as a client may have sent a token in place of a scheme.
  if (typeof scheme === 'string') throw new TokenRefusedError(refusal('credentials_missing'))
  throw new EntraConfigurationError('verify() got no scheme; give { scheme: "Bearer", token }')
}

const nothing = () => {}

interface Running {
  readonly engine: Engine
  readonly verifyToken: VerifyToken
  readonly decide: Decide
}

/** Evaluates a rule, of an operation if it was declared as one. `undefined`: there was no guard. */
type Decide = (rule: Rule | undefined, principal: Principal, context?: Context, operation?: string) => Promise<void>

/**
 * Creates a verifier of access tokens for one API, with the plugin's options. It fetches keys at once, and keeps them: create one per
 * process, not one per token. Invalid options make {@link Verifier.ready} and every other call throw.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { starting, context, operations } = start(options)
  let engine: Engine | undefined
  const started = (running: Running) => {
    engine = running.engine
  }
  starting.then(started, nothing) // every call reports the error
  let isClosed = false
  const running = async (): Promise<Running> => {
    const all = await starting
    await all.engine.firstTry()
    if (isClosed) throw new EntraConfigurationError('this verifier is closed; create a new one')
    return all
  }
  const decide = async (...question: Parameters<Decide>) => {
    await (await running()).decide(...question)
    return question[1] as never
  }
  return Object.freeze<Verifier>({
    ready: async () => void (await running()),
    async verify(credentials) {
      const { verifyToken } = await running()
      return verifyToken(tokenOf(credentials))
    },
    authorize: async (principal, guard, context) => decide(isGuard(guard) ? guard.rule : undefined, principal, context),
    declareOperation(name, guard) {
      const { rule } = operations.declare(name, guard)
      return (principal, context) => decide(rule, principal, context, name)
    },
    answerTo(error, requestId) {
      const why = refusalIn(error)
      if (why) return refusedAnswer(why, context, requestId)
      throw error
    },
    explain: async (token) => explainToken(token, (await running()).engine.verifier),
    resourceMetadata(guards = []) {
      const resource = engine?.settings.resource
      const rules = [...operations.all, ...guards].map(({ rule }) => rule)
      return engine && resource && metadataOf(resource, engine.issuers, rules)
    },
    get issuers() {
      return engine?.issuers.map(({ status }) => status) ?? []
    },
    get cachedTokens() {
      return engine?.verifier.cache?.size ?? 0
    },
    async close() {
      isClosed = true
      await starting.catch(nothing)
      await engine?.close()
    }
  })
}

function refusedAnswer(why: Refusal, context: ChallengeContext, requestId: string): RefusedAnswer {
  const { status, retryAfterSeconds } = why
  const headers: Record<string, string> = { 'cache-control': 'no-store', 'content-type': problemMediaType }
  if (status < 500) headers['www-authenticate'] = challengeOf(why, context)
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds)
  return { status, headers, body: toProblem(requestId, why) }
}

/** What a verifier begins with. */
interface Started {
  readonly starting: Promise<Running>
  readonly context: ChallengeContext
  readonly operations: Operations
}

/** Options are read at once, so that what challenges say is known; the promise rejects if they are invalid. */
function start(given: VerifierOptions): Started {
  const rules: Rule[] = []
  const operations = new Operations(rules)
  try {
    const { log = noLog, ...options } = ownProperties(given)
    refuseForeign(log, options)
    const settings = toSettings(options as EntraOptions)
    return { starting: run(settings, log, rules), context: challengeContextOf(settings), operations }
  } catch (error) {
    return { starting: Promise.reject(error), context: { realm: '', resourceMetadata: undefined }, operations }
  }
}

function refuseForeign(log: unknown, options: object): void {
  const foreign = ['strictRoutes', 'userDecorator'].find((name) => name in options)
  if (foreign)
    throw new EntraConfigurationError(
      `${foreign} is for the Fastify plugin, and a verifier has no routes and no requests; leave it out`
    )
  if (!isLogger(log))
    throw new EntraConfigurationError(
      `log ${shown(log)} is not allowed; give a logger with info(), warn() and error(), such as pino's, or leave it out`
    )
}

const isLogger = (log: unknown): log is Logger =>
  (['info', 'warn', 'error'] as const).every((level) => typeof Object(log)[level] === 'function')

async function run(settings: Settings, log: Logger, rules: readonly Rule[]): Promise<Running> {
  const engine = await startEngine(settings, { log, logFor: () => log, isSilent: (each) => each === noLog })
  for (const warning of settings.warnings) log.warn({}, warning)
  void engine.firstTry()
  return {
    engine,
    verifyToken: createVerifyToken(createIdentifyToken(engine.verifier, engine.audit), log),
    decide: decider(engine, log, rules)
  }
}

function decider(engine: Engine, log: Logger, rules: readonly Rule[]): Decide {
  // The token of the user is not available here.
  const groupsOf = groupsLookup(engine, rules, async () => {
    throw new DownstreamError(refusal('downstream_not_offered'))
  })
  const authorizer = createAuthorizer(engine, groupsOf)
  return async (rule, principal, context = { log }, operation) => {
    if (!rule || !authorizer.isVerified(principal))
      throw new EntraConfigurationError(
        'authorize() got no principal, or no guard; give the principal of verify(), and a guard such as requireRole("Admin")'
      )
    const on = { log, where: undefined, principal, operation }
    await authorizer.decide(rule, principal, logging(context, log), on)
  }
}

/** Errors of a policy are logged, even if its context has no log. */
function logging(context: Context, log: Logger): Context {
  return isLogger(context.log) ? context : Object.create(context, { log: { value: log } })
}
