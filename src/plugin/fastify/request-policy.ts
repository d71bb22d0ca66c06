/** Policies of routes: they get the request. */
import type { FastifyRequest } from 'fastify'
import type { Guard } from '../authorization/guard.js'
import { requirePolicy as requirePolicyOn } from '../authorization/guards.js'
import type { Policy as PolicyOn } from '../authorization/rules.js'

/** Decides what no claim can: `true` lets the request pass; anything else, a rejected promise included, does not. */
export type Policy = PolicyOn<FastifyRequest>

/**
 * A function that decides. Only `true`, or a promise of it, passes; when it throws, or takes longer than `keysTimeoutSeconds`, the answer
 * is 503.
 *
 * @param name what it is called in documents and refusals
 * @throws EntraConfigurationError when the name is empty or has spaces, or the function is none
 */
export const requirePolicy: (name: string, allows: Policy) => Guard = requirePolicyOn
