/** What is told of decisions: who was let in, or not, where and why. To a child of the request's logger, and to a channel; never a token. */
import { channel } from 'node:diagnostics_channel'
import type { FastifyRequest } from 'fastify'
import type { AuditSettings } from './audit-options.js'
import { text } from './claims.js'
import type { Refusal } from './errors.js'
import { routeOf } from './guard.js'
import { describe, type Rule } from './rules.js'

/** One decision: member `audit` of a log line, and the message of {@link auditChannelName}. */
export interface AuditEvent {
  /**
   * `authenticated`: a token was found valid, and guards may still say no. `refused`: it was not, or there was none. `allowed`: a
   * guard was satisfied. `denied`: it was not.
   */
  readonly event: 'authenticated' | 'refused' | 'allowed' | 'denied'
  readonly requestId: string
  /** Method and pattern of the route; never the path as sent, as people put tokens into paths. */
  readonly route: string
  /** What a guard asked for, where it was satisfied. */
  readonly rule?: string
  /** Why not, as a stable code, as the status of the answer, and in words, with what is missing. */
  readonly code?: Refusal['code']
  readonly status?: Refusal['status']
  readonly reason?: string
  /** Who was identified, if anybody was. */
  readonly kind?: 'user' | 'app'
  readonly id?: string
  readonly tenantId?: string
  readonly clientId?: string
  /** `uti` or `jti`: which token it was, in the tenant's own log as well. */
  readonly tokenId?: string
  /** Only with `personalData: true`. */
  readonly name?: string
  readonly email?: string
}

/** Name of the channel (Node: `diagnostics_channel`) on which every {@link AuditEvent} is published, whatever is logged. */
export const auditChannelName = 'fastify-entra.audit'

/** Tells of decisions. */
export interface Audit {
  refused(request: FastifyRequest, why: Refusal): void
  authenticated(request: FastifyRequest): void
  allowed(request: FastifyRequest, rule: Rule): void
}

/** The audit of an app. What nobody listens to costs a look at that, and no more. */
export function createAudit({ level, personalData }: AuditSettings): Audit {
  const listeners = channel(auditChannelName)
  const tell = (isLogged: boolean, message: string, request: FastifyRequest, more: () => Decision) => {
    if (!isLogged && !listeners.hasSubscribers) return
    const about = { requestId: String(request.id), route: routeOf(request) }
    const audit: AuditEvent = { ...more(), ...about, ...caller(request, personalData) }
    if (isLogged) request.log.child({ component: auditChannelName }).info({ audit }, message)
    listeners.publish(audit)
  }
  const [isNo, isYes] = [level !== 'off', level === 'all']
  return {
    refused: (request, { code, status, detail: reason }) =>
      tell(isNo, 'request refused', request, () => {
        const event = saidByGuards.has(code) ? 'denied' : 'refused'
        return { event, code, status, reason }
      }),
    authenticated: (request) => tell(isYes, 'token accepted', request, () => ({ event: 'authenticated' })),
    allowed: (request, rule) =>
      tell(isYes, 'request allowed', request, () => ({ event: 'allowed', rule: describe(rule) }))
  }
}

/** What guards say, and routes that call others; all else is said of the token. */
const saidByGuards: ReadonlySet<Refusal['code']> = new Set([
  ...(['insufficient_permissions', 'insufficient_claims', 'insufficient_user_authentication'] as const),
  ...(['groups_unavailable', 'policy_unavailable', 'user_required', 'consent_required'] as const),
  ...(['downstream_refused', 'downstream_failed', 'downstream_unavailable'] as const)
])

type Decision = Pick<AuditEvent, 'event' | 'rule' | 'code' | 'status' | 'reason'>

function caller({ principalOrNull }: FastifyRequest, personalData: boolean): Partial<AuditEvent> {
  if (!principalOrNull) return {}
  const { kind, id, tenantId, clientId, claims } = principalOrNull
  const tokenId = text(claims.uti) ?? text(claims.jti)
  const who = { kind, id, tenantId, clientId, ...(tokenId !== undefined && { tokenId }) }
  if (!personalData || principalOrNull.kind === 'app') return who
  const { name, email } = principalOrNull
  return { ...who, ...(name !== undefined && { name }), ...(email !== undefined && { email }) }
}
