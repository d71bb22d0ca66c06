/** Where a provider's documents are: by its issuer, or under another name than clients use, as between the containers of one machine. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { type InsecureHosts, insecureHostOf } from '../lib/proxies.js'
import { isSecure, secureOrigin, shown } from '../lib/validate.js'

/** The options about addresses, for an OpenID provider other than Entra. */
export interface AddressOptions {
  /**
   * URL of the discovery document, where this API cannot fetch it from the issuer's address. The document must name the issuer exactly all
   * the same (OpenID Connect Discovery §4.3). https, http on loopback, or http at one of `insecureHttpHosts`. Default: the issuer with
   * `/.well-known/openid-configuration` (§4.1).
   */
  metadataUrl?: string
  /**
   * Origin of the provider's key set, if it differs from that of the discovery document. https, http on loopback, or http at one of
   * `insecureHttpHosts`. Default: the provider's, or the discovery document's.
   */
  keysOrigin?: string
  /**
   * Hosts with their ports (`keycloak:8080`) from which the discovery document and the keys are fetched over plain http, if they are at a private
   * address. **Whoever can change traffic on that network can sign tokens that this API accepts**; a warning at every start says so. Each one
   * must be the host of `metadataUrl` or `keysOrigin`. The issuer itself stays https. Default: none.
   */
  insecureHttpHosts?: readonly string[]
}

/** Names of these options. */
export const addressNames = ['metadataUrl', 'keysOrigin', 'insecureHttpHosts'] as const

/** Addresses, checked. */
export interface Addresses {
  readonly url: string
  /** Clients find it by the issuer, whatever name this API has for that host. */
  readonly publicUrl: string
  readonly keysOrigin: string | undefined
  readonly endpointsOrigin: string
  readonly insecureHttpHosts: InsecureHosts
}

/**
 * Checks the options.
 *
 * @param keysByDefault the origin of the keys, if the provider is known to have them elsewhere
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function addressesOf(issuer: string, options: AddressOptions, keysByDefault: string | undefined): Addresses {
  const { metadataUrl, keysOrigin } = options
  const insecureHttpHosts = insecureHosts(options.insecureHttpHosts)
  const isAccepted = (url: URL) =>
    isSecure(url) || (url.protocol === 'http:' && insecureHttpHosts.has(insecureHostOf(url)))
  if (keysOrigin !== undefined) secureOrigin('keysOrigin', keysOrigin, 'https://keys.example', isAccepted)
  // OpenID Connect Discovery §4.1: a terminating slash of the issuer is left out before the path is added.
  const byIssuer = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const url = metadataUrl === undefined ? byIssuer : documentUrl(metadataUrl, isAccepted)
  refuseUnused(insecureHttpHosts, [url, ...(keysOrigin === undefined ? [] : [keysOrigin])])
  return {
    url,
    publicUrl: byIssuer,
    keysOrigin: keysOrigin ?? (metadataUrl === undefined ? keysByDefault : undefined),
    endpointsOrigin: new URL(issuer).origin,
    insecureHttpHosts
  }
}

function documentUrl(given: unknown, isAccepted: (url: URL) => boolean): string {
  const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined
  if (url && isAccepted(url) && !url.username && !url.password && !url.search && !url.hash) return url.href
  const wanted =
    'the URL of the discovery document without query or fragment, with https (http on loopback, or at a host that insecureHttpHosts names)'
  throw new EntraConfigurationError(`metadataUrl ${shown(given)} is not allowed; give ${wanted}`)
}

function insecureHosts(given: unknown = []): InsecureHosts {
  const isList = Array.isArray(given) && given.every((each) => typeof each === 'string')
  const hosts = isList ? given.map((each) => each.toLowerCase()) : ['']
  // Exactly a host and a port: nothing that a URL parser would turn into something else.
  if (hosts.every((host) => URL.canParse(`http://${host}`) && insecureHostOf(new URL(`http://${host}`)) === host))
    return new Set(hosts)
  const wanted = "hosts with their ports, such as ['keycloak:8080']"
  throw new EntraConfigurationError(`insecureHttpHosts ${shown(given)} is not allowed; give ${wanted}`)
}

function refuseUnused(hosts: InsecureHosts, urls: readonly string[]): void {
  const used = urls.map((url) => insecureHostOf(new URL(url)))
  const unused = [...hosts].find((host) => !used.includes(host))
  if (unused === undefined) return
  const wanted = 'give hosts of metadataUrl or keysOrigin only'
  throw new EntraConfigurationError(`insecureHttpHosts ${shown([unused])} has no effect; ${wanted}`)
}

/** What the operator gives up, at every start. */
export function insecureWarnings(issuer: string, { insecureHttpHosts }: Addresses): string[] {
  return [...insecureHttpHosts].map(
    (host) =>
      `the keys of issuer "${issuer}" come over plain http from ${host} (insecureHttpHosts): whoever can change traffic on that network can sign tokens that this API accepts`
  )
}
