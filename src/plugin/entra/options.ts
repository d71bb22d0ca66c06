/** The options of an Entra tenant → its issuers, each with its rules. */

import { withResource } from '../claims/audience.js'
import { type DownstreamOptions, downstreamOf, type OwnClient } from '../downstream/options.js'
import type { IssuerSettings } from '../issuers/issuer.js'
import type { TokenRules } from '../issuers/token-rules.js'
import { systemClock } from '../lib/clock.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { audienceTexts, guid, isOn, matching, repeated, shown, texts } from '../lib/validate.js'
import { type AllowedTenants, tenantRuleOf } from './allowed-tenants.js'
import {
  type AuthorityOptions,
  authorityOf,
  authorizationServersOf,
  authorizationUriOf,
  isMany,
  issuersOf,
  manyTenants,
  type TenantIssuer
} from './authority.js'
import { toUserFlowPrincipal, userFlowChecks } from './b2c.js'
import { entraChecks, type TenantRules, tenantNotAccepted } from './checks.js'
import { clouds, personalAccounts } from './clouds.js'
import { toPrincipal } from './principal.js'
import { TenantDecisions } from './tenant-decisions.js'

/** An Entra tenant, for `app.register(entra, options)`. */
export interface EntraTenantOptions extends AuthorityOptions {
  /**
   * Directory (tenant) ID, a GUID, or a verified domain of the tenant. `organizations` (work and school accounts) or `common` (personal
   * ones as well) with {@link allowedTenants}. Required.
   */
  tenantId: string
  /** Which directories may call: IDs, a function, or `*`. Required with `organizations` and `common`, and not allowed otherwise. */
  allowedTenants?: AllowedTenants
  /** Application (client) ID of this API's app registration. Required. */
  clientId: string
  /**
   * Accepted `aud` values (RFC 7519 §4.1.3). Default: the client ID and both default Application ID URIs, `api://{clientId}` and, where
   * `tenantId` is a GUID, `api://{tenantId}/{clientId}` (Microsoft: "Restrictions on identifier URIs").
   */
  audience?: string | readonly string[]
  /** `azp`/`appid` values that may call this API. Narrows, never grants. Default: any. */
  allowedClients?: readonly string[]
  /** The only clients whose tokens may carry neither scopes nor roles. Default: none. */
  rolelessClients?: readonly string[]
  /** Accepted signature algorithms (RFC 7518 §3.1). Entra signs with RS256 and nothing else. Default: `['RS256']`. */
  algorithms?: readonly 'RS256'[]
  /** This API's own credential, with which it requests tokens to call other APIs: `request.onBehalfOf()`, `app.entra.tokenForApp()`, groups. */
  downstream?: DownstreamOptions
}

/** Names of these options. */
export const entraNames = [
  ...['tenantId', 'allowedTenants', 'clientId', 'audience', 'allowedClients', 'rolelessClients', 'cloud', 'authority'],
  ...['customSigningKeys', 'userFlow', 'algorithms', 'downstream']
]

const domain = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i
/** Names and numbers that stand for personal accounts: those of everybody. */
const personal: ReadonlySet<string> = new Set(['consumers', personalAccounts])

/** A user flow, or a custom policy (Microsoft: "User flows and custom policies overview"). */
const policyName = /^[a-z0-9_-]{1,128}$/i

/**
 * Checks the options.
 *
 * @param timeoutSeconds for a function in `allowedTenants`
 * @param publicUrl of the resource: one more accepted `aud`, and the App ID URI in the names of scopes. Default: none
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function entraAuthority(options: EntraTenantOptions, timeoutSeconds: number, publicUrl?: string) {
  const tenantId = toTenantId(options.tenantId)
  const wanted = 'the application (client) ID of the API, a GUID'
  const clientId = matching('clientId', options.clientId, guid, wanted).toLowerCase()
  refuseSame(tenantId, clientId)
  const { audiences, scopeBase } = namesOf(options.audience, { tenantId, clientId, publicUrl })
  const algorithms = algorithmsOf(options.algorithms)
  const allowedClients = clientIds('allowedClients', options)
  const rolelessClients = clientIds('rolelessClients', options) ?? new Set<string>()
  const { acceptsTenant, policy, warnings, tenantIds } = tenantRuleOf(options.allowedTenants, tenantId)
  const admit = policy && admitBy(new TenantDecisions(policy, timeoutSeconds, systemClock))
  const userFlows = userFlowsOf(options, tenantId)
  const shared = { audiences, scopeBase, clientId, allowedClients, rolelessClients }
  const rulesOf = rulesBy(shared, acceptsTenant, userFlows)
  const appId = ownKeysOf(options, tenantId) ? clientId : undefined
  const authority = authorityOf(options)
  const authorizationUri = authorizationUriOf(authority, userFlows)
  const fixed = { strictHeader: true, groupsAreGrants: false }
  const common = { ...fixed, algorithms, rolelessClients, scopeBase, admit, authorizationUri }
  const client = clientOf(options, { clientId, authority, tenantId, isMany: isMany(tenantId) })
  const [first, ...others] = issuersOf({ authority, tenantId, appId, userFlows })
  const toIssuer = ({ form, userFlow, ...source }: TenantIssuer): IssuerSettings => ({
    ...source,
    ...(form === '1.0' && { siblingUrl: first.url }),
    optional: form === '1.0',
    authorizationServers: form === '1.0' ? [] : authorizationServersOf({ authority, tenantId }, tenantIds),
    profile: { ...common, ...rulesOf(form, userFlow) }
  })
  const issuers = Object.freeze([toIssuer(first), ...others.map(toIssuer)] as const)
  const clients = new Map(client && issuers.map((issuer) => [issuer, client] as const))
  return {
    issuers,
    clients,
    algorithms,
    audiences,
    allowedClients,
    rolelessClients,
    realm: scopeBase,
    scopeBase,
    insecureHttpHosts: new Set<string>(),
    warnings: Object.freeze([...warnings, ...replacedWarning(audiences, clientId, userFlows.length > 0)])
  }
}

function refuseSame(tenantId: string, clientId: string): void {
  if (tenantId !== clientId) return
  throw new EntraConfigurationError(
    `tenantId and clientId are both ${clientId}; give the Directory (tenant) ID and the Application (client) ID that the overview of the API's registration shows`
  )
}

/** `aud` of a v2.0 token is the client ID, whatever the client requested (Microsoft: "Access token claims reference"). */
function replacedWarning(audiences: readonly string[], clientId: string, hasUserFlows: boolean): string[] {
  if (audiences.includes(clientId) || hasUserFlows) return []
  const fix = 'add the client ID to it, or leave the option out; only an API whose tokens are all v1.0 needs neither'
  return [`audience replaces the client ID, which is the aud of every v2.0 token, so that these are refused; ${fix}`]
}

type FormRules = Pick<TokenRules, 'checks' | 'isDirectory' | 'toPrincipal'>

/** The rules for each form that a tenant's tokens may have. */
function rulesBy(
  rules: Pick<TenantRules, 'audiences' | 'scopeBase' | 'clientId' | 'allowedClients'> &
    Pick<TokenRules, 'rolelessClients'>,
  acceptsTenant: TenantRules['acceptsTenant'],
  userFlows: readonly string[]
): (form: TenantIssuer['form'], userFlow: string | undefined) => FormRules {
  return (form, userFlow = '') => {
    if (form === 'user-flow') {
      const flowRules = { ...rules, userFlow, userFlows }
      return { checks: userFlowChecks(flowRules), isDirectory: false, toPrincipal: toUserFlowPrincipal }
    }
    const tenantRules = { ...rules, version: form, acceptsTenant }
    return { checks: entraChecks(tenantRules), isDirectory: true, toPrincipal }
  }
}

/** A function of the application decides on the directory. */
function admitBy(decisions: TenantDecisions): TokenRules['admit'] {
  return async ({ tenantId, claims }) => {
    const { value, until } = await decisions.decide(tenantId, claims)
    return value ? { until } : { refusal: tenantNotAccepted(tenantId) }
  }
}

/**
 * Entra exchanges no token that is signed with such keys (Microsoft: "Microsoft identity platform and OAuth 2.0 On-Behalf-Of flow", client
 * limitations).
 */
const signedByOwnKeys =
  'customSigningKeys and downstream contradict each other: Entra exchanges no token that such keys sign (on-behalf-of); leave one out'

/** One client for both versions of a tenant's tokens. Azure AD B2C has no on-behalf-of flow, and no Graph of its own (Microsoft: "Azure AD B2C"). */
function clientOf(
  { downstream, userFlow, customSigningKeys }: EntraTenantOptions,
  tenant: Pick<OwnClient, 'clientId' | 'authority' | 'tenantId' | 'isMany'>
): OwnClient | undefined {
  if (downstream === undefined) return undefined
  if (userFlow !== undefined)
    throw new EntraConfigurationError('downstream and userFlow contradict each other; leave one out')
  if (customSigningKeys) throw new EntraConfigurationError(signedByOwnKeys)
  const cloud = Object.values(clouds).find(({ authority }) => authority === tenant.authority)
  const { graph, exchangeAudience } = cloud ?? clouds.public
  return { ...tenant, graphUrl: graph, ...downstreamOf(downstream, exchangeAudience) }
}

/** Such keys say of no tenant that they sign for it. */
function ownKeysOf({ customSigningKeys }: EntraTenantOptions, tenantId: string): boolean {
  const isGiven = isOn('customSigningKeys', customSigningKeys)
  if (!isGiven || !isMany(tenantId)) return isGiven
  throw new EntraConfigurationError(
    `customSigningKeys true and tenantId "${tenantId}" contradict each other; name the one tenant that has them`
  )
}

/** Azure AD B2C has an authority of its own; elsewhere there are no user flows to name. */
function userFlowsOf(
  { userFlow, authority, customSigningKeys }: EntraTenantOptions,
  tenantId: string
): readonly string[] {
  if (userFlow === undefined) return []
  if (authority === undefined)
    throw new EntraConfigurationError(
      `userFlow ${shown(userFlow)} has an authority of its own, such as https://contoso.b2clogin.com; give that as well`
    )
  const other = isMany(tenantId) ? `tenantId "${tenantId}"` : customSigningKeys && 'customSigningKeys'
  if (other)
    throw new EntraConfigurationError(`userFlow ${shown(userFlow)} and ${other} contradict each other; leave one out`)
  const wanted = 'the name of a user flow or custom policy, such as B2C_1_signin'
  const given: readonly unknown[] = Array.isArray(userFlow) ? texts('userFlow', userFlow) : [userFlow]
  const flows = given.map((each) => matching('userFlow', each, policyName, wanted))
  const twice = repeated(flows.map((each) => each.toLowerCase()))
  if (twice) throw new EntraConfigurationError(`userFlow has ${twice} twice, in any case; give each user flow once`)
  return flows
}

/** Client IDs are GUIDs, which have no case; Entra writes them in lower case. */
function clientIds(
  name: 'allowedClients' | 'rolelessClients',
  options: EntraTenantOptions
): ReadonlySet<string> | undefined {
  const ids = options[name]
  return ids === undefined
    ? undefined
    : new Set(
        texts(name, ids).map((id) => matching(name, id, guid, 'application (client) IDs, each a GUID').toLowerCase())
      )
}

function toTenantId(tenantId: unknown): string {
  const wanted =
    'the directory (tenant) ID, a GUID, a verified domain of the tenant, or "organizations" or "common" with allowedTenants'
  const some = new RegExp(`${guid.source}|${domain.source}|^(${[...manyTenants, ...personal].join('|')})$`, 'i')
  const id = matching('tenantId', tenantId, some, wanted).toLowerCase()
  if (!personal.has(id)) return id
  throw new EntraConfigurationError(
    `tenantId "${id}" is that of all personal accounts; give "common", with ${personalAccounts} in allowedTenants`
  )
}

interface Names {
  readonly tenantId: string
  readonly clientId: string
  readonly publicUrl: string | undefined
}

/** Accepted `aud` values, and the App ID URI in the names of scopes: the URL of the resource, which Entra compares with them (AADSTS9010010). */
function namesOf(audience: EntraTenantOptions['audience'], { tenantId, clientId, publicUrl }: Names) {
  if (publicUrl?.endsWith('/'))
    throw new EntraConfigurationError(
      `resource.publicUrl ${shown(publicUrl)} ends with a slash, and no App ID URI of Entra does; leave the slash out`
    )
  const ofTenant = guid.test(tenantId) ? [`api://${tenantId}/${clientId}`] : []
  const byDefault = Object.freeze([clientId, `api://${clientId}`, ...ofTenant])
  const own = audience === undefined ? byDefault : audienceTexts(audience)
  const scopeBase = publicUrl ?? own.find((each) => each.includes('://')) ?? `api://${clientId}`
  return { audiences: withResource(own, publicUrl), scopeBase }
}

function algorithmsOf(algorithms: readonly string[] = ['RS256']): readonly 'RS256'[] {
  if (Array.isArray(algorithms) && algorithms.length === 1 && algorithms[0] === 'RS256') return Object.freeze(['RS256'])
  throw new EntraConfigurationError(
    `algorithms ${shown(algorithms)} is not allowed; Entra signs with RS256 only, so leave the option out`
  )
}
