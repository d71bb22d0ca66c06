/** Builds the trusted issuers, and the URLs of their discovery documents, from authority and tenant. */

import type { IssuerSettings } from '../issuers/issuer.js'
import { tenantPlaceholder } from '../issuers/token-rules.js'
import type { MetadataSource } from '../keys/discovery.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { guid, secureOrigin, shown } from '../lib/validate.js'
import { isOfUserFlow } from './b2c.js'
import { type Cloud, clouds, personalAccounts } from './clouds.js'

/** The options that select the issuer. */
export interface AuthorityOptions {
  /** The Microsoft cloud of the tenant. Default: `public`. */
  cloud?: Cloud
  /**
   * Origin of another authority, instead of `cloud`: External ID's (`https://contoso.ciamlogin.com`, or a custom domain), Azure AD B2C's
   * (`https://contoso.b2clogin.com`). Plain http on loopback only.
   */
  authority?: string
  /**
   * True when the API has signing keys of its own, as claims mapping requires: they are published for its client ID alone, with `?appid=`
   * (Microsoft: "Customize claims", validate token signing key). Default: false.
   */
  customSigningKeys?: boolean
  /**
   * User flow, or custom policy, of Azure AD B2C, such as `B2C_1_signin`; or several of one tenant, in a list. Goes with `authority`.
   */
  userFlow?: string | readonly string[]
}

/** Names that stand for many directories, in place of a tenant's ID (Microsoft: "OpenID Connect", discovery). */
export const manyTenants = ['common', 'organizations'] as const

/** Returns one of these, in lower case. */
export const isMany = (tenantId: string): boolean => manyTenants.some((name) => name === tenantId)

/** The tenant that a domain may resolve to: any except that of personal accounts. */
const anyTenant = `(?!${personalAccounts})${guid.source.slice(1, -1)}`

/** An issuer of a tenant, and which of Entra's forms its tokens have. */
export interface TenantIssuer extends MetadataSource {
  readonly form: '1.0' | '2.0' | 'user-flow'
  /** Of the form `user-flow`. */
  readonly userFlow?: string
  readonly among?: IssuerSettings['among'] & {}
}

/** The validated options. */
export interface TenantSource {
  /** Origin of the sign-in service. */
  readonly authority: string
  /** A GUID, a domain that the discovery document resolves to one, or one of {@link manyTenants}. */
  readonly tenantId: string
  /** The application that has signing keys of its own; `undefined`: the tenant's keys. */
  readonly appId: string | undefined
  /** Empty where there are none. */
  readonly userFlows: readonly string[]
}

/**
 * The issuers of a tenant, v2 first. The API's manifest decides the version of its tokens (`requestedAccessTokenVersion`), so both are
 * trusted. Each user flow has a document and keys of its own, and all of a tenant's may name the same issuer.
 */
export function issuersOf(source: TenantSource): readonly [TenantIssuer, ...TenantIssuer[]] {
  const { authority, tenantId, appId, userFlows } = source
  const path = `.well-known/openid-configuration${appId === undefined ? '' : `?appid=${appId}`}`
  const root = `${authority}/${tenantId}`
  const toFlow = (userFlow: string): TenantIssuer => {
    const [form, issuer] = ['user-flow' as const, userFlowIssuer(source, userFlow)]
    const among = { root, isFor: isOfUserFlow(userFlow) }
    return { form, userFlow, among, url: `${root}/${userFlow}/v2.0/${path}`, issuer }
  }
  const [first, ...others] = userFlows.map(toFlow)
  if (first) return [first, ...others]
  return [
    { form: '2.0', url: `${root}/v2.0/${path}`, issuer: v2Issuer(source) },
    { form: '1.0', url: `${root}/${path}`, issuer: v1Issuer(source) }
  ]
}

/**
 * Microsoft's own hosts, and one on loopback, use exactly this issuer. External ID's documents name the tenant's ID as host, whichever host
 * they are fetched from (Microsoft: "Security tokens"); under a custom domain, the public cloud's has been observed as well.
 */
function v2Issuer({ authority, tenantId }: TenantSource): string | RegExp {
  const exact = `${authority}/${inIssuer(tenantId)}/v2.0`
  const isOwn = originsOf(authority) !== undefined || authority.startsWith('http:')
  if (isOwn && !isDomain(tenantId)) return exact
  const tenant = patternOf(tenantId)
  const ciam = `|^https://(?<host>${tenant})\\.ciamlogin\\.com/\\k<host>/v2\\.0$`
  const origins = isOwn ? [authority] : [authority, clouds.public.authority]
  return new RegExp(`^(${origins.map(escaped).join('|')})/${tenant}/v2\\.0$${isOwn ? '' : ciam}`)
}

/** Microsoft's own hosts use that of the cloud table; elsewhere only the v1 document names it, and it must name the tenant. */
function v1Issuer({ authority, tenantId }: TenantSource): string | RegExp {
  const origin = originsOf(authority)?.v1Issuer
  if (origin && !isDomain(tenantId)) return `${origin}/${inIssuer(tenantId)}/`
  const anyOrigin = `${new URL(authority).protocol}//[^/?#]+`
  return new RegExp(`^${origin ? escaped(origin) : anyOrigin}/${patternOf(tenantId)}/$`)
}

/** A setting of the user flow adds the flow's name ("Token compatibility", issuer claim): `/tfp/{tid}/{userFlow}/v2.0/`. */
function userFlowIssuer({ authority, tenantId }: TenantSource, userFlow: string): RegExp {
  const tenant = patternOf(tenantId)
  return new RegExp(`^${escaped(authority)}/(${tenant}|tfp/${tenant}/${escaped(userFlow)})/v2\\.0/$`, 'i')
}

const originsOf = (authority: string) => Object.values(clouds).find((hosts) => hosts.authority === authority)

/**
 * Where the users of a tenant sign in. Microsoft's own hosts have the path that its page on claims challenges shows, which MSAL.NET cuts off to
 * get the authority; elsewhere only the v2 endpoint is documented. Azure AD B2C has no claims challenges.
 */
export function authorizationUriOf(
  authority: string,
  userFlows: readonly string[]
): ((tenantId: string) => string) | undefined {
  if (userFlows.length > 0) return undefined
  const path = originsOf(authority) ? 'oauth2/authorize' : 'oauth2/v2.0/authorize'
  return (tenantId) => `${authority}/${tenantId}/${path}`
}

/**
 * The issuers that clients of many tenants sign in at: each tenant's own, if they are listed. The name in the document of `organizations` or `common` is a
 * template, which a client must refuse (RFC 8414 §3.3, OpenID Connect Discovery §4.3).
 *
 * @returns `undefined` for one tenant, whose issuer has a name; an empty list if the tenants are not listed
 */
export function authorizationServersOf(
  { authority, tenantId }: Pick<TenantSource, 'authority' | 'tenantId'>,
  tenantIds: readonly string[] = []
): readonly string[] | undefined {
  return isMany(tenantId) ? tenantIds.map((id) => `${authority}/${id}/v2.0`) : undefined
}

const isDomain = (tenantId: string) => !guid.test(tenantId) && !isMany(tenantId)

/** The document of many tenants has a template in place of the tenant's ID. */
const inIssuer = (tenantId: string) => (isMany(tenantId) ? tenantPlaceholder : tenantId)

const patternOf = (tenantId: string) => (isDomain(tenantId) ? anyTenant : escaped(inIssuer(tenantId)))

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/**
 * The origin of the sign-in service.
 *
 * @throws EntraConfigurationError when cloud or authority is unknown, unsafe or contradictory
 */
export function authorityOf({ authority, cloud }: AuthorityOptions): string {
  if (authority === undefined) return cloudOf(cloud).authority
  if (cloud !== undefined) {
    throw new EntraConfigurationError(
      `authority ${shown(authority)} and cloud ${shown(cloud)} contradict each other; leave one of them out`
    )
  }
  return secureOrigin('authority', authority, 'https://login.microsoftonline.com')
}

function cloudOf(cloud: Cloud = 'public') {
  if (typeof cloud === 'string' && Object.hasOwn(clouds, cloud)) return clouds[cloud]
  throw new EntraConfigurationError(`cloud ${shown(cloud)} is unknown; give one of ${Object.keys(clouds).join(', ')}`)
}
