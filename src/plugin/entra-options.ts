/** The options of an Entra tenant → its issuers, each with its rules. */
import { type AuthorityOptions, issuersOf, type TenantIssuer } from './authority.js'
import { EntraConfigurationError } from './errors.js'
import type { IssuerSettings } from './issuers.js'
import { audienceTexts, guid, matching, personalAccounts, shown, texts } from './option-checks.js'
import { toPrincipal } from './principal.js'
import type { Profile } from './profile.js'
import { entraRefusal, type TenantRules } from './tenant.js'

/** An Entra tenant, for `app.register(entra, options)`. */
export interface EntraTenantOptions extends AuthorityOptions {
  /** Directory (tenant) ID, a GUID, or a verified domain of the tenant. Required. */
  tenantId: string
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
}

/** Names of these options. */
export const entraNames = [
  ...['tenantId', 'clientId', 'audience', 'allowedClients', 'rolelessClients', 'cloud', 'authority', 'algorithms']
]

const domain = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i
/** Names for many directories at once, and the one that all personal accounts share. */
const notOneTenant: ReadonlySet<string> = new Set([...['common', 'organizations', 'consumers'], personalAccounts])

/**
 * Checks the options.
 *
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function entraAuthority(options: EntraTenantOptions) {
  const tenantId = toTenantId(options.tenantId)
  const wanted = 'the application (client) ID of the API, a GUID'
  const clientId = matching('clientId', options.clientId, guid, wanted).toLowerCase()
  const audiences = audiencesOf(options.audience, clientId)
  const scopeBase = audiences.find((audience) => audience.includes('://')) ?? `api://${clientId}`
  const algorithms = algorithmsOf(options.algorithms)
  const allowedClients = clientIds('allowedClients', options)
  const rolelessClients = clientIds('rolelessClients', options) ?? new Set<string>()
  const profile = (version: TenantRules['version']): Profile => {
    const rules = { version, audiences, scopeBase, allowedClients }
    return { algorithms, rolelessClients, refuse: (token) => entraRefusal(token, rules), toPrincipal }
  }
  const toIssuer = ({ version, url, issuer }: TenantIssuer): IssuerSettings => ({
    url,
    issuer,
    optional: version === '1.0',
    profile: profile(version)
  })
  const [v2, v1] = issuersOf(options, tenantId)
  const issuers = Object.freeze([toIssuer(v2), toIssuer(v1)] as const)
  return { issuers, algorithms, audiences, allowedClients, rolelessClients, realm: scopeBase, scopeBase }
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
  if (typeof tenantId === 'string' && notOneTenant.has(tenantId.toLowerCase())) {
    throw new EntraConfigurationError(
      `tenantId "${tenantId}" lets every tenant in without a list of tenants; name the one tenant that may call`
    )
  }
  const wanted = 'the directory (tenant) ID, a GUID, or a verified domain of the tenant'
  const either = new RegExp(`${guid.source}|${domain.source}`, 'i')
  return matching('tenantId', tenantId, either, wanted).toLowerCase()
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
