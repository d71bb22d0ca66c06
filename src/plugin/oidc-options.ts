/** The options of an OpenID provider other than Entra → its issuer, with its rules. */
import { isSecure } from './authority.js'
import { EntraConfigurationError } from './errors.js'
import { type Algorithm, algorithmNames } from './jwks.js'
import { oidcRefusal, toOidcPrincipal } from './oidc.js'
import { audienceTexts, shown, texts } from './option-checks.js'
import type { SignedToken } from './profile.js'

/** Any other OpenID provider, for `app.register(entra, options)`. */
export interface OidcOptions {
  /** The issuer, exactly as its discovery document and its tokens name it. Plain http on loopback only. Required. */
  issuer: string
  /** Accepted `aud` values (RFC 7519 §4.1.3). Required: no default could be right. */
  audience: string | readonly string[]
  /** `azp`/`client_id` values that may call this API. Narrows, never grants. Default: any. */
  allowedClients?: readonly string[]
  /** The only clients whose tokens may carry neither scopes nor roles. Default: none. */
  rolelessClients?: readonly string[]
  /**
   * Accepted signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1); each key verifies those of them that it was made for, and
   * what the provider's metadata lists adds nothing. Default: RS, PS and ES with 256, 384 and 512, and EdDSA.
   */
  algorithms?: readonly Algorithm[]
}

/** Names of these options. */
export const oidcNames = ['issuer', 'audience', 'allowedClients', 'rolelessClients', 'algorithms']

/**
 * Checks the options.
 *
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function oidcAuthority(options: OidcOptions) {
  const issuer = issuerOf(options.issuer)
  const audiences = audiencesOf(options.audience)
  const algorithms = algorithmsOf(options.algorithms)
  const allowedClients = clientsOf('allowedClients', options)
  const rolelessClients = clientsOf('rolelessClients', options) ?? new Set<string>()
  const rules = { audiences, allowedClients }
  const refuse = (token: SignedToken) => oidcRefusal(token, rules)
  const profile = { algorithms, rolelessClients, refuse, toPrincipal: toOidcPrincipal }
  // OpenID Connect Discovery §4.1: a terminating slash of the issuer is left out before the path is added.
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const issuers = Object.freeze([{ url, issuer, optional: false, profile }] as const)
  return {
    issuers,
    algorithms,
    audiences,
    allowedClients,
    rolelessClients,
    realm: String(audiences[0]),
    scopeBase: undefined
  }
}

function clientsOf(name: 'allowedClients' | 'rolelessClients', options: OidcOptions): ReadonlySet<string> | undefined {
  const clients = options[name]
  return clients === undefined ? undefined : new Set(texts(name, clients))
}

/** OpenID Connect Core §2: an https URL without query or fragment. */
function issuerOf(issuer: unknown): string {
  const url = typeof issuer === 'string' && URL.canParse(issuer) ? new URL(issuer) : undefined
  const isPlain = url && !url.search && !url.hash && !url.username && !url.password && !/[?#\s]/.test(String(issuer))
  if (isPlain && isSecure(url)) return String(issuer)
  const wanted = 'the issuer as its discovery document names it, a URL with https (http on loopback only)'
  throw new EntraConfigurationError(`issuer ${shown(issuer)} is not allowed; give ${wanted}`)
}

function audiencesOf(audience: unknown): readonly string[] {
  if (audience === undefined || audience === '') {
    throw new EntraConfigurationError('audience is missing; give what the provider puts into "aud" for this API')
  }
  return audienceTexts(audience)
}

function algorithmsOf(algorithms: readonly Algorithm[] = algorithmNames): readonly Algorithm[] {
  const known = Array.isArray(algorithms) && algorithms.every((name) => algorithmNames.includes(name))
  if (known && algorithms.length > 0) return Object.freeze([...algorithms])
  throw new EntraConfigurationError(
    `algorithms ${shown(algorithms)} is not allowed; give some of ${algorithmNames.join(', ')}`
  )
}
