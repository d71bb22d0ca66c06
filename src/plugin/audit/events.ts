/** The audit events: decisions, and changes of tenants. */

import type { AgentFlow } from '../claims/principal.js'
import type { TenantEvent } from '../issuers/issuer.js'
import type { Refusal } from '../refusals/refusal.js'

/** The request. Absent when the token did not come with a request. */
export interface AuditedRequest {
  /** The request ID that the response carries. */
  readonly requestId: string
  /** Method and pattern of the route; never the path as sent, as people put tokens into paths. */
  readonly route: string
}

/** The operation that the decision is about, if it was declared with `declareOperation()`. */
export interface AuditedOperation {
  /** Its name, as declared. */
  readonly operation?: string
}

/** The identified caller. */
export interface AuditedCaller {
  readonly kind: 'user' | 'app'
  readonly id: string
  readonly tenantId: string
  readonly clientId: string
  /** Present where an AI agent acts, with `clientId` as its application ID: for whom. */
  readonly agent?: AgentFlow
  /** Who acts for the caller, the current actor first (`act`, RFC 8693 §4.1): the `sub` of each, and its `iss` where the token names it. */
  readonly actors?: readonly (readonly [subject: string, issuer?: string])[]
  /** The application ID of an AI agent's parent, its blueprint (`xms_par_app_azp`). */
  readonly parentClientId?: string
  /** `uti` or `jti`: identifies the token, also in the tenant's own log. */
  readonly tokenId?: string
  /** Only with `personalData: true`. */
  readonly name?: string
  readonly email?: string
}

/** Why the request was refused: a stable code, the status of the response, and a sentence that names what is missing. */
export interface AuditedRefusal {
  readonly code: Refusal['code']
  readonly status: Refusal['status']
  readonly reason: string
}

/** A token is valid; guards may still refuse the request. */
export interface AuthenticatedEvent extends Partial<AuditedRequest>, AuditedCaller {
  readonly event: 'authenticated'
}

/**
 * A token is not valid, or there is none, or a rate limit is exceeded. The caller is known when a valid token is revoked, or when the limit is
 * one of callers.
 */
export interface RefusedEvent
  extends Partial<AuditedRequest>,
    AuditedOperation,
    Partial<AuditedCaller>,
    AuditedRefusal {
  readonly event: 'refused'
}

/** A guard was satisfied. */
export interface AllowedEvent extends Partial<AuditedRequest>, AuditedOperation, AuditedCaller {
  readonly event: 'allowed'
  /** What the guard requires. */
  readonly rule: string
}

/** A guard was not satisfied. */
export interface DeniedEvent extends Partial<AuditedRequest>, AuditedOperation, Partial<AuditedCaller>, AuditedRefusal {
  readonly event: 'denied'
}

/** One event: member `audit` of a log line, and the message of the channel. Discriminated by `event`. */
export type AuditEvent = AuthenticatedEvent | RefusedEvent | AllowedEvent | DeniedEvent | TenantEvent
