/** Policies of routes, which get the request. */
import type { FastifyRequest } from 'fastify'
import type { Guard } from '../authorization/guard.js'
import { requirePolicy as requirePolicyOn } from '../authorization/guards.js'
import type { Policy as PolicyOn } from '../authorization/rules.js'

/** Decides what claims alone cannot. Return `true` to allow the request; anything else denies it. */
export type Policy = PolicyOn<FastifyRequest>

/**
 * Calls a function that decides. Return `true`, or a promise of it, to allow the request; any other value denies it. If the function
 * throws, or takes longer than `keysTimeoutSeconds`, the guard responds with 503.
 *
 * @param name the name of the policy in documents and refusals
 * @throws EntraConfigurationError when the name is empty or has spaces, or the policy is not a function
 */
export const requirePolicy: (name: string, allows: Policy) => Guard = requirePolicyOn
