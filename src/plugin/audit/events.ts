/** What is told of decisions and of tenants: the shape of each event. */

import type { TenantEvent } from '../issuers/issuer.js'
import type { Refusal } from '../refusals/refusal.js'

/** Which request it was. Left out where a token came by another way, and there is none. */
export interface AuditedRequest {
  /** The ID that the answer has. */
  readonly requestId: string
  /** Method and pattern of the route; never the path as sent, as people put tokens into paths. */
  readonly route: string
}

/** Who was identified. */
export interface AuditedCaller {
  readonly kind: 'user' | 'app'
  readonly id: string
  readonly tenantId: string
  readonly clientId: string
  /** `uti` or `jti`: which token it was, in the tenant's own log as well. */
  readonly tokenId?: string
  /** Only with `personalData: true`. */
  readonly name?: string
  readonly email?: string
}

/** Why not: as a stable code, as the status of the answer, and in words, with what is missing. */
export interface AuditedRefusal {
  readonly code: Refusal['code']
  readonly status: Refusal['status']
  readonly reason: string
}

/** A token was found valid; guards may still say no. */
export interface AuthenticatedEvent extends Partial<AuditedRequest>, AuditedCaller {
  readonly event: 'authenticated'
}

/** A token was not found valid, or there was none. The caller is known where a valid token was taken back. */
export interface RefusedEvent extends Partial<AuditedRequest>, Partial<AuditedCaller>, AuditedRefusal {
  readonly event: 'refused'
}

/** A guard was satisfied. */
export interface AllowedEvent extends Partial<AuditedRequest>, AuditedCaller {
  readonly event: 'allowed'
  /** What the guard asked for. */
  readonly rule: string
}

/** A guard was not satisfied. */
export interface DeniedEvent extends Partial<AuditedRequest>, Partial<AuditedCaller>, AuditedRefusal {
  readonly event: 'denied'
}

/** One event: member `audit` of a log line, and the message of the channel. Told apart by `event`. */
export type AuditEvent = AuthenticatedEvent | RefusedEvent | AllowedEvent | DeniedEvent | TenantEvent
