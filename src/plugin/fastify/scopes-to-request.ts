/** The scopes that a client requests first: those of the route, rather than all that the metadata lists. */
import type { FastifyRequest } from 'fastify'
import type { Issuers } from '../engine.js'
import type { Refusal } from '../refusals/refusal.js'
import { scopeNameWith } from '../refusals/scope-name.js'
import type { ProtectedResource } from '../resource/protected-resource.js'
import { scopesOfRoute } from '../routes/route-guards.js'

/**
 * Adds the scopes of the route to the challenge for a missing or invalid token (RFC 6750 §3; MCP authorization of 2026-07-28, "Protected Resource
 * Metadata Discovery Requirements").
 *
 * @param resource the option; without it clients know their scopes, and challenges stay as short as they can be
 */
export function scopesToRequest(
  resource: ProtectedResource | undefined,
  issuers: Issuers
): (request: FastifyRequest, why: Refusal) => Refusal {
  const bases = new Set(issuers.map(({ settings }) => settings.profile.scopeBase))
  // Of issuers that name scopes differently, nobody knows which one the client will ask.
  if (!resource || bases.size > 1) return (_request, why) => why
  const named = scopeNameWith([...bases][0])
  return (request, why) => {
    const isAboutToken = why.status === 401 && (why.error ?? 'invalid_token') === 'invalid_token'
    const scopes = isAboutToken ? scopesOfRoute(request) : []
    return scopes.length === 0 ? why : { ...why, scopes: scopes.map(named) }
  }
}
