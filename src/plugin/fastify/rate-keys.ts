/** Whose requests a rate limit counts together, as keys for the `keyGenerator` of @fastify/rate-limit. */
import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { Principal } from '../claims/principal.js'
import { principalOf } from './request-principal.js'

/**
 * One key for each caller: a user by tenant and ID, an app that acts for itself by tenant and client. The tokens of a caller have the same key,
 * also those of v1 and v2 of Entra. A request without a caller has the key of its network, as in {@link keyByAddress}, which counts apart.
 *
 * Every key is a SHA-256 of what it identifies, so its length does not depend on claims. It names no caller, but who knows a list of IDs or of
 * IPv4 addresses can find those that it stands for.
 */
export function keyByPrincipal(request: FastifyRequest): string {
  return keyOf(request, ({ kind, tenantId, clientId, id }) =>
    kind === 'app' && clientId !== '' ? ['app', tenantId, clientId] : [kind, tenantId, id]
  )
}

/**
 * One key for each client application (`azp`, `appid`, `client_id`) of each tenant, whoever uses it. Callers whose tokens name no client have the
 * key of {@link keyByPrincipal}, and so have requests without a caller.
 */
export function keyByClient(request: FastifyRequest): string {
  const clientId = principalOf(request)?.clientId
  return clientId ? keyOf(request, ({ tenantId }) => ['client', tenantId, clientId]) : keyByPrincipal(request)
}

/** One key for each tenant, or issuer of another provider. A request without a caller has the key of {@link keyByPrincipal}. */
export function keyByTenant(request: FastifyRequest): string {
  return keyOf(request, ({ tenantId }) => ['tenant', tenantId])
}

/**
 * One key for each IPv4 address, or IPv6 network of 64 bits, of which a client has all addresses. `trustProxy` of Fastify decides whether it is
 * that of the connection or one of `X-Forwarded-For`.
 */
export function keyByAddress(request: FastifyRequest): string {
  return `address:${hashed([networkOf(request.ip)])}`
}

function keyOf(request: FastifyRequest, identity: (principal: Principal) => readonly string[]): string {
  const principal = principalOf(request)
  return principal ? `caller:${hashed(identity(principal))}` : `open:${hashed([networkOf(request.ip)])}`
}

/** As JSON, so that no part can contain what separates it from the next one. */
function hashed(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}

/** The address is missing where the client is gone, or uses a Unix socket; one of a trusted proxy may be any text. */
function networkOf(address: string | undefined): string {
  const [text = ''] = String(address).toLowerCase().split('%') // RFC 4007 §11: a zone follows
  if (!isIPv6(text)) return text
  const groups = groupsOf(text)
  if (groups.slice(0, 6).join(':') !== '0:0:0:0:0:ffff') return groups.slice(0, 4).join(':')
  // RFC 4291 §2.5.5.2: an IPv4 address, as a socket for both versions has it.
  return groups
    .slice(6)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255])
    .join('.')
}

/** The eight groups of an IPv6 address, without leading zeros (URL, "IPv6 serializer"). */
function groupsOf(address: string): readonly string[] {
  const halves = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const [first = [], last = []] = halves.map((half) => half.split(':').filter((group) => group !== ''))
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last]
}
