/** The public types, checked by the compiler alone: what must compile, and what must not. */
import Fastify from 'fastify'
import entra, {
  type AppPrincipal,
  allOf,
  anyOf,
  type EntraOptions,
  type Principal,
  requireAppPermission,
  requirePolicy,
  requireScope,
  type UserPrincipal
} from '../src/plugin/index.js'

const options: EntraOptions = { tenantId: 't', clientId: 'c', audience: ['a'], keysTimeoutSeconds: 1 }
const app = Fastify()
await app.register(entra, options)

app.get(
  '/typed',
  { config: { auth: 'optional' }, preHandler: anyOf(requireScope('a'), allOf(requireScope('b'))) },
  (request) => {
    const principal: Principal = request.principal
    const maybe: Principal | null = request.principalOrNull
    const name: string | undefined = principal.kind === 'user' ? principal.name : undefined
    const none: readonly [] = principal.kind === 'app' ? principal.scopes : []
    return { name, none, maybe, ready: app.entra.ready }
  }
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
