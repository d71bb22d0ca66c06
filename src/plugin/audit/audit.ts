/** Reports decisions and changes of tenants to the app's logger and to a channel; never a token. */
import { channel } from 'node:diagnostics_channel'
import { describe, type Rule } from '../authorization/rules.js'
import type { Actor, Principal } from '../claims/principal.js'
import { text } from '../claims/read.js'
import type { TenantEvent } from '../issuers/issuer.js'
import { escapeTexts } from '../lib/logged-text.js'
import type { Logger } from '../lib/logger.js'
import type { Refusal } from '../refusals/refusal.js'
import type { AuditSettings } from './audit-options.js'
import { type Place, publishAllowed, publishRefused } from './decision-channel.js'
import type {
  AllowedEvent,
  AuditEvent,
  AuditedCaller,
  AuditedRequest,
  AuthenticatedEvent,
  DeniedEvent,
  RefusedEvent
} from './events.js'

/** Name of the channel (Node: `diagnostics_channel`) on which every {@link AuditEvent} is published, whatever is logged. */
export const auditChannelName = 'fastify-entra.audit'

/** Where a decision was made: on a request, or on a token from another source. Read only when there is a log or a subscriber. */
export interface Occasion extends Place {
  readonly log: Logger
  /** `undefined` where there is no request. */
  readonly where: AuditedRequest | undefined
  /** The identified caller, if any. */
  readonly principal: Principal | null | undefined
}

/** Reports decisions and changes of tenants. */
export interface Audit {
  refused(on: Occasion, why: Refusal): void
  authenticated(on: Occasion): void
  allowed(on: Occasion, rule: Rule): void
  tenant(log: Logger, change: TenantEvent): void
}

/**
 * Creates the audit of an app. An event without a log or a subscriber is not built.
 *
 * @param isSilent whether a log discards everything. Default: no log does
 */
export function createAudit(
  { level, personalData }: AuditSettings,
  isSilent: (log: Logger) => boolean = () => false
): Audit {
  const listeners = channel(auditChannelName)
  const tell = (isLogged: boolean, message: string, log: Logger, event: () => AuditEvent) => {
    const isWritten = isLogged && !isSilent(log)
    if (!isWritten && !listeners.hasSubscribers) return
    const audit = escapeTexts(event()) // names that a tenant's users may choose
    if (isWritten) log.info({ component: auditChannelName, audit }, message)
    listeners.publish(audit)
  }
  const [isNo, isYes] = [level !== 'off', level === 'all']
  const said = ({ where, principal, operation }: Occasion) => ({
    ...where,
    ...(operation !== undefined && { operation }),
    ...(principal && callerOf(principal, personalData))
  })
  return {
    refused(on, why) {
      const event = saidByGuards.has(why.code) ? 'denied' : 'refused'
      publishRefused(on, event, why.code)
      tell(
        isNo,
        on.where ? 'request refused' : 'token refused',
        on.log,
        () => ({ event, ...reasonsOf(why), ...said(on) }) as RefusedEvent | DeniedEvent
      )
    },
    authenticated: (on) =>
      tell(isYes, 'token accepted', on.log, () => ({ event: 'authenticated', ...said(on) }) as AuthenticatedEvent),
    allowed(on, rule) {
      publishAllowed(on, rule)
      tell(
        isYes,
        'request allowed',
        on.log,
        () => ({ event: 'allowed', rule: describe(rule), ...said(on) }) as AllowedEvent
      )
    },
    tenant: (log, change) => tell(isNo, 'state of the tenant changed', log, () => change)
  }
}

/** Codes of guards, and of routes that call other APIs; all other codes are about the token. */
const saidByGuards: ReadonlySet<Refusal['code']> = new Set([
  ...(['insufficient_permissions', 'membership_unknown', 'agent_unknown'] as const),
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

/** Records are flat, with lists in them. */
const listed = ({ subject, issuer }: Actor) =>
  issuer === undefined ? ([subject] as const) : ([subject, issuer] as const)

function callerOf(principal: Principal, personalData: boolean): AuditedCaller {
  const { kind, id, tenantId, clientId, claims, agent, actors } = principal
  const tokenId = text(claims.uti) ?? text(claims.jti)
  const who = {
    ...{ kind, id, tenantId, clientId },
    ...(agent && { agent: agent.flow }),
    ...(agent?.parentClientId !== undefined && { parentClientId: agent.parentClientId }),
    ...(actors && { actors: actors.map(listed) }),
    ...(tokenId !== undefined && { tokenId })
  }
  if (!personalData || principal.kind === 'app') return who
  const { name, email } = principal
  return { ...who, ...(name !== undefined && { name }), ...(email !== undefined && { email }) }
}
