/** Tells of decisions, and of tenants: to the app's logger, and to a channel; never a token. */
import { channel } from 'node:diagnostics_channel'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { AuditEvent, AuditedCaller, AuditedRequest } from './audit-events.js'
import type { AuditSettings } from './audit-options.js'
import { text } from './claims.js'
import type { Refusal } from './errors.js'
import type { TenantEvent } from './issuers.js'
import { escapeTexts } from './logged-text.js'
import { principalOf, routeOf } from './request-principal.js'
import { describe, type Rule } from './rules.js'
import type { Principal } from './types.js'

/** Name of the channel (Node: `diagnostics_channel`) on which every {@link AuditEvent} is published, whatever is logged. */
export const auditChannelName = 'fastify-entra.audit'

/** Tells of decisions, and of tenants. */
export interface Audit {
  refused(request: FastifyRequest, why: Refusal): void
  authenticated(request: FastifyRequest, principal: Principal): void
  allowed(request: FastifyRequest, rule: Rule, principal: Principal): void
  /** Of a token that came by another way than a request; without a refusal it was found valid. */
  verified(log: FastifyBaseLogger, principal: Principal): void
  notVerified(log: FastifyBaseLogger, why: Refusal, principal: Principal | undefined): void
  tenant(log: FastifyBaseLogger, change: TenantEvent): void
}

/** The audit of an app. What nobody listens to costs a look at that, and no more. */
export function createAudit({ level, personalData }: AuditSettings): Audit {
  const listeners = channel(auditChannelName)
  const tell = (isLogged: boolean, message: string, log: FastifyBaseLogger, event: () => AuditEvent) => {
    const isWritten = isLogged && !isSilent(log)
    if (!isWritten && !listeners.hasSubscribers) return
    const audit = escapeTexts(event()) // names of people, and others that a tenant's users may choose
    if (isWritten) log.info({ component: auditChannelName, audit }, message)
    listeners.publish(audit)
  }
  const [isNo, isYes] = [level !== 'off', level === 'all']
  const who = (principal: Principal) => callerOf(principal, personalData)
  return {
    refused: (request, why) =>
      tell(isNo, 'request refused', request.log, () => {
        const principal = principalOf(request)
        const said = { ...reasonsOf(why), ...whereOf(request), ...(principal && who(principal)) }
        return saidByGuards.has(why.code) ? { event: 'denied', ...said } : { event: 'refused', ...said }
      }),
    authenticated: (request, principal) =>
      tell(isYes, 'token accepted', request.log, () => ({
        event: 'authenticated',
        ...whereOf(request),
        ...who(principal)
      })),
    allowed: (request, rule, principal) =>
      tell(isYes, 'request allowed', request.log, () => ({
        event: 'allowed',
        rule: describe(rule),
        ...whereOf(request),
        ...who(principal)
      })),
    verified: (log, principal) =>
      tell(isYes, 'token accepted', log, () => ({ event: 'authenticated', ...who(principal) })),
    notVerified: (log, why, principal) =>
      tell(isNo, 'token refused', log, () => ({
        event: 'refused',
        ...reasonsOf(why),
        ...(principal && who(principal))
      })),
    tenant: (log, change) => tell(isNo, 'state of the tenant changed', log, () => change)
  }
}

/** A flood of refusals that nobody writes down need not be described: pino, and Fastify without a logger, call what does nothing so. */
const isSilent = ({ info }: FastifyBaseLogger) => info.name === 'noop'

/** What guards say, and routes that call others; all else is said of the token. */
const saidByGuards: ReadonlySet<Refusal['code']> = new Set([
  ...(['insufficient_permissions', 'membership_unknown'] as const),
  ...(['insufficient_claims', 'insufficient_user_authentication'] as const),
  ...([
    'groups_unavailable',
    'policy_unavailable',
    'user_required',
    'downstream_not_offered',
    'consent_required'
  ] as const),
  ...(['downstream_refused', 'downstream_failed', 'downstream_unavailable'] as const)
])

const reasonsOf = ({ code, status, detail: reason }: Refusal) => ({ code, status, reason })

function whereOf(request: FastifyRequest): AuditedRequest {
  return { requestId: String(request.id), route: routeOf(request) }
}

function callerOf(principal: Principal, personalData: boolean): AuditedCaller {
  const { kind, id, tenantId, clientId, claims } = principal
  const tokenId = text(claims.uti) ?? text(claims.jti)
  const who = { kind, id, tenantId, clientId, ...(tokenId !== undefined && { tokenId }) }
  if (!personalData || principal.kind === 'app') return who
  const { name, email } = principal
  return { ...who, ...(name !== undefined && { name }), ...(email !== undefined && { email }) }
}
