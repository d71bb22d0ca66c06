/** What is written down of decisions: who was refused, or let in, where and why. Through the app's own logger, and never a token. */
import type { FastifyRequest } from 'fastify'
import type { Refusal } from './errors.js'
import { routeOf } from './guard.js'

/** Which decisions are logged, at level `info`: none, refusals, or every one. */
export type AuditLevel = 'off' | 'refusals' | 'all'

/** The names of the levels. */
export const auditLevels: readonly AuditLevel[] = ['off', 'refusals', 'all']

/** One decision, as member `audit` of a log line. */
export interface AuditRecord {
  /** `accepted`: a token was found valid, and guards may still refuse; they say so in a record of their own. */
  readonly outcome: 'accepted' | 'refused'
  /** Method and pattern of the route; never the path as sent, as people put tokens into paths. */
  readonly route: string
  /** Of a refusal. */
  readonly code?: Refusal['code']
  readonly status?: Refusal['status']
  /** Who was identified, if anybody was. */
  readonly kind?: 'user' | 'app'
  readonly id?: string
  readonly tenantId?: string
  readonly clientId?: string
}

/** Writes decisions down. */
export interface Audit {
  refused(request: FastifyRequest, why: Refusal): void
  accepted(request: FastifyRequest): void
}

const nothing = () => {}

/** The audit of a level: what is not to be logged costs a call and no more. */
export function createAudit(level: AuditLevel): Audit {
  return {
    refused: level === 'off' ? nothing : logRefused,
    accepted: level === 'all' ? logAccepted : nothing
  }
}

function logRefused(request: FastifyRequest, { code, status }: Refusal): void {
  const audit: AuditRecord = { outcome: 'refused', route: routeOf(request), code, status, ...caller(request) }
  request.log.info({ audit }, 'request refused')
}

function logAccepted(request: FastifyRequest): void {
  const audit: AuditRecord = { outcome: 'accepted', route: routeOf(request), ...caller(request) }
  request.log.info({ audit }, 'token accepted')
}

function caller({ principalOrNull }: FastifyRequest) {
  if (!principalOrNull) return {}
  const { kind, id, tenantId, clientId } = principalOrNull
  return { kind, id, tenantId, clientId }
}
