/** A request, for the audit. Built only when there is a log or a subscriber. */
import type { FastifyRequest } from 'fastify'
import type { Occasion } from '../audit/audit.js'
import type { DeclaringRoute } from '../audit/decision-channel.js'
import type { AuditedRequest } from '../audit/events.js'
import { routeOf } from '../authorization/guard.js'
import type { Rule } from '../authorization/rules.js'
import type { Principal } from '../claims/principal.js'
import type { Logger } from '../lib/logger.js'
import { guardsIn } from '../routes/route-guards.js'
import { principalOf } from './request-principal.js'

/** See {@link Occasion}. */
export class RequestOccasion implements Occasion {
  readonly #request: FastifyRequest

  readonly operation: string | undefined

  constructor(request: FastifyRequest, operation?: string) {
    this.#request = request
    this.operation = operation
  }

  get log(): Logger {
    return this.#request.log
  }

  get where(): AuditedRequest {
    return { requestId: String(this.#request.id), route: routeOf(this.#request) }
  }

  get principal(): Principal | null {
    return principalOf(this.#request)
  }

  declaring(rule: Rule): DeclaringRoute | undefined {
    const { method, routeOptions } = this.#request
    const { config } = routeOptions
    return guardsIn(config).some((guard) => guard.rule === rule) ? { config, method } : undefined
  }
}
