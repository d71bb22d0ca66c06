/** The options of an Entra tenant → its issuers, each with its rules. */

import { type DownstreamOptions, downstreamOf, type OwnClient } from '../downstream/options.js'
import type { IssuerSettings } from '../issuers/issuer.js'
import type { TokenRules } from '../issuers/token-rules.js'
import { systemClock } from '../lib/clock.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { audienceTexts, guid, isOn, matching, shown, texts } from '../lib/validate.js'
import { type AllowedTenants, tenantRuleOf } from './allowed-tenants.js'
import { type AuthorityOptions, authorityOf, isMany, issuersOf, manyTenants, type TenantIssuer } from './authority.js'
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
  /** Accepted `aud` values (RFC 7519 §4.1.3). Default: the client ID and `api://` + the client ID. */
  audience?: string | readonly string[]
  /** `azp`/`appid` values that may call this API. Narrows, never grants. Default: any. */
  allowedClients?: readonly string[]
  /** The only clients whose tokens may carry neither scopes nor roles. Default: none. */
  rolelessClients?: readonly string[]
  /** Accepted signature algorithms (RFC 7518 §3.1). Entra signs with RS256 and nothing else. Default: `['RS256']`. */
  algorithms?: readonly 'RS256'[]
  /** This API's own credential, with which it asks for tokens to call others: `request.onBehalfOf()`, `app.entra.tokenForApp()`, groups. */
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
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function entraAuthority(options: EntraTenantOptions, timeoutSeconds: number) {
  const tenantId = toTenantId(options.tenantId)
  const wanted = 'the application (client) ID of the API, a GUID'
  const clientId = matching('clientId', options.clientId, guid, wanted).toLowerCase()
  if (tenantId === clientId)
    throw new EntraConfigurationError(
      `tenantId and clientId are both ${clientId}; give the Directory (tenant) ID and the Application (client) ID of the API, which its registration's overview shows`
    )
  const audiences = audiencesOf(options.audience, clientId)
  const scopeBase = audiences.find((audience) => audience.includes('://')) ?? `api://${clientId}`
  const algorithms = algorithmsOf(options.algorithms)
  const allowedClients = clientIds('allowedClients', options)
  const rolelessClients = clientIds('rolelessClients', options) ?? new Set<string>()
  const { acceptsTenant, policy, warnings } = tenantRuleOf(options.allowedTenants, tenantId)
  const admit = policy && admitBy(new TenantDecisions(policy, timeoutSeconds, systemClock))
  const userFlow = userFlowOf(options, tenantId)
  const rulesOf = rulesBy({ audiences, scopeBase, clientId, allowedClients }, acceptsTenant, userFlow)
  const appId = ownKeysOf(options, tenantId) ? clientId : undefined
  const authority = authorityOf(options)
  const client = clientOf(options, { clientId, authority, tenantId, isMany: isMany(tenantId) })
  const [first, ...others] = issuersOf({ authority, tenantId, appId, userFlow })
  const toIssuer = ({ form, url, issuer }: TenantIssuer): IssuerSettings => ({
    url,
    issuer,
    ...(form === '1.0' && { siblingUrl: first.url }),
    optional: form === '1.0',
    profile: { algorithms, strictHeader: true, rolelessClients, scopeBase, admit, ...rulesOf(form) }
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
    warnings: Object.freeze([...warnings, ...replacedWarning(audiences, clientId, userFlow)])
  }
}

/** `aud` of a v2.0 token is the client ID, whatever the client asked for (Microsoft: "Access token claims reference"). */
function replacedWarning(audiences: readonly string[], clientId: string, userFlow: string | undefined): string[] {
  if (audiences.includes(clientId) || userFlow !== undefined) return []
  const fix = 'add the client ID to it, or leave the option out; only an API whose tokens are all v1.0 needs neither'
  return [`audience replaces the client ID, which is the aud of every v2.0 token, so that these are refused; ${fix}`]
}

type FormRules = Pick<TokenRules, 'checks' | 'showsMembers' | 'toPrincipal'>

/** The rules for each form that a tenant's tokens may have. */
function rulesBy(
  rules: Pick<TenantRules, 'audiences' | 'scopeBase' | 'clientId' | 'allowedClients'>,
  acceptsTenant: TenantRules['acceptsTenant'],
  userFlow = ''
): (form: TenantIssuer['form']) => FormRules {
  return (form) => {
    if (form === 'user-flow') {
      const flowRules = { ...rules, userFlow }
      return { checks: userFlowChecks(flowRules), showsMembers: false, toPrincipal: toUserFlowPrincipal }
    }
    const tenantRules = { ...rules, version: form, acceptsTenant }
    return { checks: entraChecks(tenantRules), showsMembers: true, toPrincipal }
  }
}

/** A function of the application decides on the directory. */
function admitBy(decisions: TenantDecisions): TokenRules['admit'] {
  return async ({ tenantId, claims }) => {
    const { value, until } = await decisions.decide(tenantId, claims)
    return value ? { until } : { refusal: tenantNotAccepted(tenantId) }
  }
}

/** One client for both versions of a tenant's tokens. Azure AD B2C has no on-behalf-of flow, and no Graph of its own (Microsoft: "Azure AD B2C"). */
function clientOf(
  { downstream, userFlow }: EntraTenantOptions,
  tenant: Pick<OwnClient, 'clientId' | 'authority' | 'tenantId' | 'isMany'>
): OwnClient | undefined {
  if (downstream === undefined) return undefined
  if (userFlow !== undefined)
    throw new EntraConfigurationError('downstream and userFlow contradict each other; leave one out')
  const cloud = Object.values(clouds).find(({ authority }) => authority === tenant.authority)
  return { ...tenant, graphUrl: (cloud ?? clouds.public).graph, ...downstreamOf(downstream) }
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
function userFlowOf(
  { userFlow, authority, customSigningKeys }: EntraTenantOptions,
  tenantId: string
): string | undefined {
  if (userFlow === undefined) return undefined
  if (authority === undefined)
    throw new EntraConfigurationError(
      `userFlow ${shown(userFlow)} has an authority of its own, such as https://contoso.b2clogin.com; give that as well`
    )
  const other = isMany(tenantId) ? `tenantId "${tenantId}"` : customSigningKeys && 'customSigningKeys'
  if (other)
    throw new EntraConfigurationError(`userFlow ${shown(userFlow)} and ${other} contradict each other; leave one out`)
  return matching('userFlow', userFlow, policyName, 'the name of a user flow or custom policy, such as B2C_1_signin')
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
    `tenantId "${id}" is that of all personal accounts; for these use "common", with ${personalAccounts} in allowedTenants`
  )
}

function audiencesOf(audience: string | readonly string[] | undefined, clientId: string): readonly string[] {
  if (audience === undefined) return Object.freeze([clientId, `api://${clientId}`])
  return audienceTexts(audience)
}

function algorithmsOf(algorithms: readonly string[] = ['RS256']): readonly 'RS256'[] {
  if (Array.isArray(algorithms) && algorithms.length === 1 && algorithms[0] === 'RS256') return Object.freeze(['RS256'])
  throw new EntraConfigurationError(
    `algorithms ${shown(algorithms)} is not allowed; Entra signs with RS256 only, so leave the option out`
  )
}
