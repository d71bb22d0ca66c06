/** The public types, checked by the compiler alone: what must compile, and what must not. */
import Fastify, { type FastifyRequest } from 'fastify'
import entra, {
  type AgentFlow,
  type AppPrincipal,
  allOf,
  anyOf,
  type EntraOptions,
  guardsFor,
  type Principal,
  requireAgent,
  requireAppPermission,
  requireHuman,
  requirePolicy,
  requireRole,
  requireScope,
  requireTenant,
  requireUser,
  type UserPrincipal
} from '../src/plugin/index.js'

const options: EntraOptions = { tenantId: 't', clientId: 'c', audience: ['a'], keysTimeoutSeconds: 1 }
const app = Fastify()
await app.register(entra, options)

app.get(
  '/typed',
  { config: { auth: 'required' }, preHandler: anyOf(requireScope('a'), allOf(requireScope('b'))) },
  (request) => {
    const principal: Principal = request.principal
    const maybe: Principal | null = request.principalOrNull
    const name: string | undefined = principal.kind === 'user' ? principal.name : undefined
    const none: readonly [] = principal.kind === 'app' ? principal.scopes : []
    return { name, none, maybe, ready: app.entra.ready }
  }
)

/** `request.principal` follows the guard in the route's config. */
type Same<Left, Right> = (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false
const same = <Left, Right>(is: Same<Left, Right>) => is
const isUser = <Given>(_request: { principal: Given; principalOrNull: unknown }) => same<Given, UserPrincipal>
const isApp = <Given>(_request: { principal: Given }) => same<Given, AppPrincipal>
const isAny = <Given>(_request: { principal: Given }) => same<Given, Principal>
const read = requireScope('a')
const all = requireAppPermission('b')
const own = requirePolicy('own', (principal, request) => request.url === principal.id)

app.get('/scope', { config: { auth: read } }, (request) => isUser(request)(true))
app.get('/role', { config: { auth: requireRole('a') } }, (request) => isUser(request)(true))
app.get('/all', { config: { auth: all } }, (request) => isApp(request)(true))
app.get('/any', { config: { auth: anyOf(read, all) } }, (request) => isAny(request)(true))
app.get('/two', { config: { auth: anyOf(read, requireUser()) } }, (request) => isUser(request)(true))
app.get('/both', { config: { auth: allOf(own, read, requireTenant('t')) } }, (request) => isUser(request)(true))
app.get('/agent', { config: { auth: requireAgent() } }, ({ principal }) => {
  const flow: AgentFlow = principal.agent.flow
  const kind: 'user' | 'app' = principal.kind
  return { flow, kind, is: same<typeof principal.isAgent, true>(true) }
})
app.get('/agent-for-user', { config: { auth: allOf(read, requireAgent()) } }, ({ principal }) => [
  principal.membership,
  principal.agent.parentClientId
])
app.get('/human', { config: { auth: requireHuman() } }, ({ principal }) => [
  principal.membership,
  same<typeof principal.isAgent, false>(true)
])
app.get('/nobody', { config: { auth: allOf(requireAgent(), requireHuman()) } }, ({ principal }) =>
  same<typeof principal, never>(true)
)
app.get('/policy', { config: { auth: own } }, (request) => isAny(request)(true))
app.get('/declared', { config: { auth: guardsFor({ appPermissions: ['b'] }).requireAppPermission('b') } }, (request) =>
  isApp(request)(true)
)
app.get('/required', { config: { auth: 'required' } }, (request) => isAny(request)(true))
app.get('/config', { config: { own: 1 } as object }, (request) => isAny(request)(true))
app.get('/plain', (request) => isAny(request)(true))
app.post<{ Body: { a: 1 } }>('/generics', { config: { auth: read } }, ({ body, principal }) => [
  isAny({ principal })(true),
  body.a === 1
])
app.route({ method: 'GET', url: '/route', config: { auth: read }, handler: (request) => isUser(request)(true) })
app.get('/or-null', { config: { auth: read } }, ({ principalOrNull }) =>
  same<typeof principalOrNull, UserPrincipal | null>(true)
)
app.get('/optional', { config: { auth: 'optional' } }, (request) => {
  // @ts-expect-error an unauthenticated request has no principal
  void request.principal.id
  // @ts-expect-error nor is it one
  const principal: Principal = request.principal
  // @ts-expect-error it may be null
  void request.principalOrNull.id
  return [principal, request.principalOrNull?.id]
})
/** A function for any request takes that of a route with a guard. */
const helper = (request: FastifyRequest) => request.principal.id
app.get('/helped', { config: { auth: read }, preHandler: async (request) => void helper(request) }, (request) =>
  helper(request)
)

export function narrowed(principal: Principal): UserPrincipal | AppPrincipal {
  // @ts-expect-error name is a user's: the kind must be looked at first
  void principal.name
  // @ts-expect-error a principal is shared, so it is read-only
  principal.id = 'somebody else'
  // @ts-expect-error so are its lists
  principal.roles.push('Admin')
  return principal
}

// @ts-expect-error a guard takes one name, so that it cannot be read as any-of or all-of
requireScope('a', 'b')
// @ts-expect-error nor a list of them
requireAppPermission(['a', 'b'])
// @ts-expect-error anyOf takes guards, not names
anyOf('a', 'b')
// @ts-expect-error a policy answers yes or no
requirePolicy('p', () => 'yes')
// @ts-expect-error auth is required, optional or none
app.get('/misspelt', { config: { auth: 'public' } }, () => '')
// @ts-expect-error the tenant is not optional
await app.register(entra, { clientId: 'c' })
// @ts-expect-error symmetric algorithms are none
export const symmetric: EntraOptions = { ...options, algorithms: ['HS256'] }
app.addHook('onRequest', async (request) => {
  // @ts-expect-error the principal is the plugin's to set
  request.principal = narrowed(request.principal)
})
