/** Tokens for facts: those that fit a rule, and those that show nothing that the rule is about. */
import { randomUUID } from 'node:crypto'
import type { Rule } from '../authorization/rules.js'
import type { ClientAuth } from '../claims/principal.js'
import type { TokenClaims } from './callers.js'
import { type Facts, waysToPass } from './fitting.js'
import type { TestTenant } from './tenant.js'
import type { TestHeaders } from './tokens.js'

/** Microsoft: "Access token claims reference", `azpacr` and `appidacr`. */
const authCodes: Readonly<Record<ClientAuth, string>> = { none: '0', secret: '1', certificate: '2' }

/** A token of a caller; nothing where no tenant can issue it. Whatever the facts leave open is as in any token. */
export function headersFor(facts: Facts, tenants: readonly TestTenant[]): TestHeaders | undefined {
  const { tenantId = tenants[0]?.tenantId } = facts
  const tenant = tenants.find((each) => each.tenantId === tenantId)
  return tenant && headersOf(tenant, facts)
}

function headersOf(tenant: TestTenant, { kind, scopes, roles, groups, clientId, ...facts }: Facts): TestHeaders {
  const caller = { ...(clientId !== undefined && { clientId }), claims: claimsOf(facts) }
  if (kind === 'app') return tenant.app(roles.length > 0 ? roles : [unrelated], caller)
  return tenant.user({ ...caller, roles, groups, ...(scopes.length > 0 && { scopes }) })
}

function claimsOf({ authContexts, clientAuth, isMember, isAgent, showsSignIn }: Partial<Facts>): TokenClaims {
  const code = clientAuth && authCodes[clientAuth]
  return {
    ...(authContexts && authContexts.length > 0 && { acrs: authContexts, acr: authContexts[0] }),
    ...(code !== undefined && { azpacr: code, appidacr: code }),
    ...(isMember === false && { acct: 1 }),
    ...(isAgent === true && { xms_act_fct: '11' }),
    ...(isAgent === 'unknown' && { xms_act_fct: undefined, xms_sub_fct: undefined }),
    ...(showsSignIn === false && { auth_time: undefined })
  }
}

/** A scope and a permission of which no rule speaks. */
const unrelated = 'fastify-entra.unrelated'

const codes = Object.keys(authCodes) as ClientAuth[]
const unknownUser = { isMember: false, showsSignIn: false } as const

/** A caller who is no agent where one is required, an agent where none may be, and one of whom it is not shown where both may call. */
function otherThan(required: readonly unknown[]): boolean | 'unknown' {
  if (!required.includes(false)) return false
  return required.includes(true) ? 'unknown' : true
}

/**
 * A user and an app with valid tokens that show nothing that the rule is about, as far as any token can.
 *
 * @param fallback the tenant of their tokens, where the rule names all of them
 */
export function unrelatedTo(
  rule: Rule,
  tenants: readonly TestTenant[],
  fallback: TestTenant
): Readonly<Record<'user' | 'app', Facts>> {
  const ways = waysToPass(rule)
  const tenant = tenants.find(({ tenantId }) => ways.every((way) => way.tenantId !== tenantId)) ?? fallback
  const clientId = ways.some((way) => way.clientId === tenant.callerId) ? randomUUID() : tenant.callerId
  const asked = ways.flatMap((way) => way.clientAuth ?? [])
  const clientAuth = asked[0] && (codes.find((code) => !asked.includes(code)) ?? asked[0])
  const isAgent = otherThan(ways.flatMap((way) => way.isAgent ?? []))
  const nobody = { groups: [], authContexts: [], clientId, isAgent, ...(clientAuth && { clientAuth }) }
  return {
    user: { ...nobody, tenantId: tenant.tenantId, kind: 'user', scopes: [unrelated], roles: [], ...unknownUser },
    app: { ...nobody, tenantId: tenant.tenantId, kind: 'app', scopes: [], roles: [unrelated] }
  }
}
