/** What the plugin puts on Fastify: the tenant on the instance, the principal on the request. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Audit } from './audit.js'
import { refusalSender } from './challenge.js'
import { systemClock } from './clock.js'
import { EntraConfigurationError } from './errors.js'
import { createGroupsOf } from './groups.js'
import { groupsOfUser, guardPassed, type Refuse, refuseRequest, routeOf, secondsOfPolicy } from './guard.js'
import type { Issuer, IssuerStatus } from './issuers.js'
import type { Metadata } from './metadata.js'
import { createOpenapi, type EntraOpenapi } from './openapi.js'
import type { Settings } from './options.js'
import type { Rule } from './rules.js'
import type { Principal } from './types.js'
import { verificationOf } from './verify.js'

/** What the plugin knows of its tenant. */
export interface EntraTenant {
  /**
   * True once keys are held (of Entra v2's), and while they are not too old. Of several tenants one is enough: the outage of
   * one is no reason to refuse the tokens of the others.
   */
  readonly ready: boolean
  /** Each trusted issuer with the state of its keys; of an Entra tenant's, v2 first. */
  readonly issuers: readonly IssuerStatus[]
  /** The discovery document, of Entra v2's; `undefined` until it was had. */
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
}

/** The issuers of one tenant; v2, which every product has, comes first. */
export type Issuers = readonly [Issuer, ...Issuer[]]

function describeTenant([first, ...others]: Issuers, { scopeBase }: Settings, rules: readonly Rule[]): EntraTenant {
  const metadata = () => first.metadata
  const openapi = createOpenapi({ scopeBase, metadataUrl: first.settings.url, metadata, rules })
  return {
    openapi,
    get ready() {
      return [first, ...others].some(({ settings, keys }) => !settings.optional && keys.status.state !== 'cold')
    },
    get issuers() {
      return [first, ...others].map(({ status }) => status)
    },
    get metadata() {
      return metadata()
    }
  }
}

/** Decorates the instance and its requests; returns how a refusal is sent. */
export function decorate(
  app: FastifyInstance,
  issuers: Issuers,
  settings: Settings,
  rules: readonly Rule[],
  audit: Audit
): Refuse {
  const refuse: Refuse = refusalSender(settings.realm, audit)
  app.decorate('entra', describeTenant(issuers, settings, rules))
  app.decorate(refuseRequest, refuse)
  app.decorate(guardPassed, audit.allowed)
  const { groups, keysTimeoutSeconds } = settings
  app.decorate(secondsOfPolicy, keysTimeoutSeconds)
  if (groups) app.decorate(groupsOfUser, createGroupsOf(groups, keysTimeoutSeconds, systemClock))
  app.decorateRequest(verificationOf, null)
  app.decorateRequest('principal', {
    getter(this: FastifyRequest) {
      if (this.principalOrNull) return this.principalOrNull
      const fix = 'read request.principalOrNull there, not request.principal'
      throw new EntraConfigurationError(`${routeOf(this)} allows strangers, or nobody was identified yet; ${fix}`)
    }
  })
  return refuse
}
