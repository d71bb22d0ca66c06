/** The plugin's decorators: the tenant on the instance, the principal on the request. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { routeOf } from '../authorization/guard.js'
import { createAuthorizer, groupsLookup } from '../authorizer.js'
import type { Principal } from '../claims/principal.js'
import type { OwnCertificate } from '../downstream/token-clients.js'
import type { Engine } from '../engine.js'
import { completedFor } from '../issuers/claims-challenge.js'
import type { IssuerStatus } from '../issuers/issuer.js'
import type { Metadata } from '../keys/discovery.js'
import { systemClock } from '../lib/clock.js'
import type { Logger } from '../lib/logger.js'
import { pluginMark } from '../lib/marks.js'
import { ownProperties } from '../lib/own.js'
import { PrincipalSignals } from '../lifetimes/principal-signals.js'
import { createOpenapi, type EntraOpenapi } from '../openapi/openapi.js'
import { challengeContextOf } from '../options.js'
import type { Refusal, RefusalCode } from '../refusals/refusal.js'
import { TokenRefusedError } from '../refusals/refusal-error.js'
import type { AccessMatrix, WatchedRoutes } from '../routes/access-matrix.js'
import { decoratePassedRules, notePassed } from '../routes/passed-rules.js'
import type { IdentifyToken, VerifyToken } from '../verification/identify.js'
import { lapseOf } from '../verification/still-valid.js'
import { decorateAnswers } from './answered.js'
import { createGuardHost } from './enforce.js'
import { decorateOnBehalfOf } from './on-behalf-of.js'
import { type Authorize, createOutsideRoutes, type DeclareOperation, type OutsideRoutes } from './outside-routes.js'
import { decoratePrincipalSignal } from './principal-signal.js'
import { answerRefusalErrors } from './refusal-answers.js'
import { decorateRenewPrincipal } from './renew-principal.js'
import { decoratePrincipal, decorateUser } from './request-principal.js'
import type { Refuse } from './send-refusal.js'
import { refusalSender } from './send-refusal.js'

/**
 * Returns a token with which this API calls another API for itself (client credentials grant), not for a caller. Fetched once, and cached
 * until its last minute.
 *
 * @param scope of the other API, such as `https://graph.microsoft.com/.default`
 * @param options `tenantId`, required with several tenants; `insteadOf`: a token that the other API refused, to fetch a new one
 * @throws DownstreamError 502 when the tenant refuses this API, 503 when it cannot be reached
 * @throws EntraConfigurationError without the option `downstream`
 */
export type TokenForApp = (
  scope: string,
  options?: { readonly tenantId?: string | undefined; readonly insteadOf?: string | undefined }
) => Promise<string>

/** The plugin's tenant, as `app.entra`. */
export interface EntraTenant {
  /**
   * True while usable keys are held (for Entra, those of v2). With several tenants one is enough: the outage of one must not affect the
   * others.
   */
  readonly ready: boolean
  /** Each trusted issuer with the state of its keys; for an Entra tenant, v2 first. */
  readonly issuers: readonly IssuerStatus[]
  /** Verified tokens in the token cache; 0 without one. */
  readonly cachedTokens: number
  /** The certificates of the option `downstream` that are in use; none for any other credential. */
  readonly certificates: readonly OwnCertificate[]
  /** The discovery document (for Entra, that of v2); `undefined` until it is fetched. */
  readonly metadata: Metadata | undefined
  /** `publicUrl` of the option `resource`: the URL by which clients discover this API; `undefined` without the option. */
  readonly resourceUrl: string | undefined
  /** The plugin's part of an OpenAPI document. */
  readonly openapi: EntraOpenapi
  /** Returns a token with which this API calls another API for itself. See {@link TokenForApp}. */
  readonly tokenForApp: TokenForApp
  /** Verifies an access token that did not come with a request. See {@link VerifyToken}. */
  readonly verifyToken: VerifyToken
  /** Who may call each route. See {@link AccessMatrix}. */
  readonly accessMatrix: AccessMatrix
  /** Evaluates a guard outside a route. See {@link Authorize}. */
  readonly authorize: Authorize
  /** Declares what callers may do beside routes. See {@link DeclareOperation}. */
  readonly declareOperation: DeclareOperation
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The tenant that this instance trusts. */
    readonly entra: EntraTenant
    /** The same as `app.entra.verifyToken`. */
    readonly verifyToken: VerifyToken
  }
}

function describeTenant(
  { issuers: [first, ...others], settings: { scopeBase, resource }, downstreams, verifier }: Engine,
  { rules, accessMatrix, verifyToken }: Given,
  outside: OutsideRoutes
): EntraTenant {
  const metadata = () => first.metadata
  const openapi = createOpenapi({ scopeBase, metadataUrl: first.status.metadataUrl, metadata, rules })
  return {
    ...outside,
    resourceUrl: resource?.publicUrl,
    openapi,
    verifyToken,
    accessMatrix,
    tokenForApp: async (scope, options = {}) => {
      const { tenantId: wanted, insteadOf } = ownProperties(options)
      const { downstream, tenantId } = downstreams.forTenant(wanted)
      return downstream.tokenForApp(tenantId, scope, insteadOf)
    },
    get ready() {
      return [first, ...others].some(({ settings, keys }) => !settings.optional && keys.status.state !== 'cold')
    },
    get issuers() {
      return [first, ...others].map(({ status }) => status)
    },
    get cachedTokens() {
      return verifier.cache?.size ?? 0
    },
    get certificates() {
      return downstreams.certificates
    },
    get metadata() {
      return metadata()
    }
  }
}

/** Dependencies of the decorators, beside the engine. */
interface Given extends Pick<WatchedRoutes, 'rules' | 'operations'> {
  readonly accessMatrix: AccessMatrix
  readonly identifyToken: IdentifyToken
  readonly verifyToken: VerifyToken
}

/** Decorates the instance and its requests; returns how a refusal is sent. */
export function decorate(app: FastifyInstance, engine: Engine, given: Given): Refuse {
  const { settings, audit, downstreams, scopeNameFor, verifier } = engine
  const { rules, identifyToken, verifyToken } = given
  const groupsOf = groupsLookup(engine, rules, (request, scopes) => (request as FastifyRequest).onBehalfOf(scopes))
  const authorizer = createAuthorizer(engine, groupsOf)
  const outside = createOutsideRoutes(authorizer, given, app.log)
  const complete = (why: Refusal, principal: Principal | null) => completedFor(why, principal, verifier.issuers)
  const refuse = advising(app, refusalSender(challengeContextOf(settings), audit, complete))
  decoratePrincipal(app)
  decoratePrincipalSignal(app, signalsOf(engine, app.log))
  decoratePassedRules(app)
  decorateRenewPrincipal(app, { authorizer, identifyToken })
  if (settings.userDecorator) decorateUser(app)
  decorateAnswers(app)
  answerRefusalErrors(app, refuse)
  decorateOnBehalfOf(app, downstreams)
  app.decorate('entra', describeTenant(engine, given, outside))
  app.decorate('verifyToken', verifyToken)
  app.decorate(
    pluginMark,
    createGuardHost({
      ...{ refuse, allowed: audit.allowed, groupsOf, policySeconds: settings.keysTimeoutSeconds, scopeNameFor },
      probe: settings.testNetworks[0]?.probe,
      passed: notePassed
    })
  )
  return refuse
}

function signalsOf({ settings, verifier }: Engine, log: Logger): PrincipalSignals {
  return new PrincipalSignals({
    clock: systemClock,
    clockToleranceSeconds: settings.clockToleranceSeconds,
    lapseOf: (principal) => lapseOf(principal, verifier, log),
    toReason: (why, principal) => new TokenRefusedError(completedFor(why, principal, verifier.issuers))
  })
}

/** What the app registration may lack, by the code of refusals: one line for the operator. */
const advice: ReadonlyMap<RefusalCode, (log: Logger, route: string) => void> = new Map([
  [
    'membership_unknown',
    (log: Logger, route: string) =>
      log.warn(
        { route, optionalClaim: 'acct' },
        'requireMember refuses users whose tokens do not show whether they are members; add the optional claim acct to access tokens'
      )
  ],
  [
    'agent_unknown',
    (log: Logger, route: string) =>
      log.warn(
        { route, optionalClaim: 'xms_act_fct, xms_sub_fct' },
        'requireAgent and requireHuman refuse callers whose tokens do not show whether an AI agent acts; add the optional claims xms_act_fct and xms_sub_fct to access tokens'
      )
  ]
])

/** Warns the operator once about each claim that the app registration may lack: without it, all users are refused. */
function advising({ log }: FastifyInstance, refuse: Refuse): Refuse {
  const said = new Set<RefusalCode>()
  return (request, reply, why, origin) => {
    const advise = said.has(why.code) ? undefined : advice.get(why.code)
    said.add(why.code)
    advise?.(log, routeOf(request))
    refuse(request, reply, why, origin)
  }
}
