/** CORS: which headers of a refusal a script of another origin may read (Fetch, "HTTP extensions", `Access-Control-Expose-Headers`). */
import type { FastifyReply } from 'fastify'

const header = 'access-control-expose-headers'
const ofRefusals = ['WWW-Authenticate', 'Retry-After']
const ofRateLimits = ['RateLimit-Policy', 'RateLimit']

/**
 * Exposes the headers of a refusal where CORS allows the response to be read. Headers that are exposed already stay so; `*` exposes all, unless
 * credentials are allowed, where browsers read it as a name.
 */
export function exposeRefusal(reply: FastifyReply): void {
  if (!reply.hasHeader('access-control-allow-origin')) return
  const exposed = [reply.getHeader(header) ?? []].flat().join(', ')
  const names = exposed.split(',').map((name) => name.trim().toLowerCase())
  if (names.includes('*') && reply.getHeader('access-control-allow-credentials') !== 'true') return
  const own = [...ofRefusals, ...ofRateLimits.filter((name) => reply.hasHeader(name))]
  const missing = own.filter((name) => !names.includes(name.toLowerCase()))
  if (missing.length > 0) reply.header(header, [...(exposed ? [exposed] : []), ...missing].join(', '))
}
