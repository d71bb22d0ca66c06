/** Authority and tenant → the issuers to trust, and where their discovery documents are. */
import { type Cloud, clouds } from './clouds.js'
import { EntraConfigurationError } from './errors.js'
import type { MetadataSource } from './metadata.js'
import { guid, personalAccounts, shown } from './option-checks.js'

/** The options that say who signs. */
export interface AuthorityOptions {
  /** Microsoft's cloud that the tenant lives in. Default: `public`. */
  cloud?: Cloud
  /** Origin of another authority, instead of `cloud`. Plain http on loopback only. */
  authority?: string
}

/** A tenant that a domain may turn out to be: any, save the one that all personal accounts share. */
const anyTenant = `(?!${personalAccounts})${guid.source.slice(1, -1)}`

/** An issuer of a tenant, and `ver` of its tokens. */
export interface TenantIssuer extends MetadataSource {
  readonly version: '1.0' | '2.0'
}

/**
 * The issuers of one tenant, v2 first. Which version a token has is for the API's manifest to say
 * (`requestedAccessTokenVersion`), so both are trusted.
 *
 * @param tenantId a GUID, or a domain that the discovery document resolves to one
 * @throws EntraConfigurationError when cloud or authority is unknown, unsafe or contradictory
 */
export function issuersOf(options: AuthorityOptions, tenantId: string): readonly [TenantIssuer, TenantIssuer] {
  const authority = authorityOf(options)
  const path = 'v2.0/.well-known/openid-configuration'
  return [
    { version: '2.0', url: `${authority}/${tenantId}/${path}`, issuer: v2Issuer(authority, tenantId) },
    {
      version: '1.0',
      url: `${authority}/${tenantId}/.well-known/openid-configuration`,
      issuer: v1Issuer(authority, tenantId)
    }
  ]
}

function v2Issuer(authority: string, tenantId: string): string | RegExp {
  if (guid.test(tenantId)) return `${authority}/${tenantId}/v2.0`
  return new RegExp(`^${escaped(authority)}/${anyTenant}/v2\\.0$`)
}

/** Microsoft's own hosts have the cloud table's; elsewhere only the v1 document can say, and it must name the tenant. */
function v1Issuer(authority: string, tenantId: string): string | RegExp {
  const origin = Object.values(clouds).find((hosts) => hosts.authority === authority)?.v1Issuer
  const isGuid = guid.test(tenantId)
  if (origin && isGuid) return `${origin}/${tenantId}/`
  const anyOrigin = `${new URL(authority).protocol}//[^/?#]+`
  return new RegExp(`^${origin ? escaped(origin) : anyOrigin}/${isGuid ? tenantId : anyTenant}/$`)
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function authorityOf({ authority, cloud }: AuthorityOptions): string {
  if (authority === undefined) return cloudOf(cloud).authority
  if (cloud !== undefined) {
    throw new EntraConfigurationError(
      `authority ${shown(authority)} and cloud ${shown(cloud)} contradict each other; leave one of them out`
    )
  }
  const url = URL.canParse(String(authority)) ? new URL(authority) : undefined
  if (url?.origin === authority && isSecure(url)) return authority
  const wanted = 'an origin such as https://login.microsoftonline.com, with https (http on loopback only) and no path'
  throw new EntraConfigurationError(`authority ${shown(authority)} is not allowed; give ${wanted}`)
}

function cloudOf(cloud: Cloud = 'public') {
  if (typeof cloud === 'string' && Object.hasOwn(clouds, cloud)) return clouds[cloud]
  throw new EntraConfigurationError(`cloud ${shown(cloud)} is unknown; it is one of ${Object.keys(clouds).join(', ')}`)
}

/** Whoever can change what is on its way can sign tokens: https, or loopback. */
export function isSecure({ protocol, hostname }: URL): boolean {
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && loopback)
}
