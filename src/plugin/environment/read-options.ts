/** Environment variables → options of the plugin: those of the server, and of the commands. */
import type { EntraTenantOptions } from '../entra/options.js'
import type { TimeOptions } from '../keys/timings.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import type { OidcOptions } from '../oidc/options.js'
import type { EntraOptions } from '../options.js'
import { credentialOption, federatedVariable, ownVariables, refuseCredentials } from './credentials.js'
import { tenantsIn } from './issuers-file.js'
import { type Environment, list, oneOf } from './values.js'

/** Options of the plugin, by the variable that sets them. */
const entraVariables = {
  ENTRA_TENANT_ID: 'tenantId',
  ENTRA_CLIENT_ID: 'clientId',
  ENTRA_CLOUD: 'cloud',
  ENTRA_AUTHORITY: 'authority',
  ENTRA_AUDIENCE: 'audience',
  ENTRA_ALLOWED_TENANTS: 'allowedTenants',
  ENTRA_CUSTOM_SIGNING_KEYS: 'customSigningKeys',
  ENTRA_USER_FLOW: 'userFlow'
} as const satisfies Record<string, keyof EntraTenantOptions>
const oidcVariables = {
  OIDC_ISSUER: 'issuer',
  OIDC_AUDIENCE: 'audience',
  OIDC_METADATA_URL: 'metadataUrl',
  OIDC_KEYS_ORIGIN: 'keysOrigin',
  OIDC_INSECURE_HTTP_HOSTS: 'insecureHttpHosts',
  OIDC_PROVIDER: 'provider',
  OIDC_ROLES_CLAIM: 'rolesClaim',
  OIDC_GROUPS_CLAIM: 'groupsClaim',
  OIDC_RFC9068: 'rfc9068',
  OIDC_ALGORITHMS: 'algorithms'
} as const satisfies Record<string, keyof OidcOptions>
const clientVariables = {
  ENTRA_ALLOWED_CLIENTS: 'allowedClients',
  ENTRA_ROLELESS_CLIENTS: 'rolelessClients'
} as const satisfies Record<string, keyof EntraTenantOptions>
const commonVariables = {
  ...clientVariables,
  KEYS_REFRESH_SECONDS: 'keysRefreshSeconds',
  KEYS_COOLDOWN_SECONDS: 'keysCooldownSeconds',
  KEYS_MAX_STALE_SECONDS: 'keysMaxStaleSeconds',
  KEYS_TIMEOUT_SECONDS: 'keysTimeoutSeconds',
  CLOCK_TOLERANCE_SECONDS: 'clockToleranceSeconds'
} as const satisfies Record<string, keyof (EntraTenantOptions & TimeOptions)>

const lists: ReadonlySet<string> = new Set([
  ...['ENTRA_AUDIENCE', 'OIDC_AUDIENCE', 'ENTRA_ALLOWED_CLIENTS', 'ENTRA_ALLOWED_TENANTS', 'ENTRA_ROLELESS_CLIENTS'],
  ...['OIDC_INSECURE_HTTP_HOSTS', 'OIDC_ALGORITHMS']
])
const switches: ReadonlySet<string> = new Set(['ENTRA_CUSTOM_SIGNING_KEYS', 'OIDC_RFC9068'])
/** Required for another provider. */
const oidcRequired = ['OIDC_ISSUER', 'OIDC_AUDIENCE']
/** Variables that restrict callers: set but empty, they would allow everyone. */
const narrowing = ['ENTRA_ALLOWED_CLIENTS', 'ENTRA_ALLOWED_TENANTS']

/** Names of the variables that set options, and those of credentials. */
export const optionVariables: readonly string[] = [
  ...Object.keys({ ...entraVariables, ...oidcVariables, ...commonVariables }),
  ...ownVariables,
  federatedVariable
]

/**
 * Reads the plugin's options. The plugin validates their values.
 *
 * @param env a variable that is empty counts as unset
 * @throws EntraConfigurationError with one sentence that names the variable and what to change
 */
export function readOptions(given: Environment): EntraOptions {
  const env: Environment = Object.assign(Object.create(null), given) // inherited properties are not settings
  refuseMixture(env)
  refuseCredentials(env)
  const empty = narrowing.find((name) => env[name] === '')
  if (empty) throw new EntraConfigurationError(`${empty} is empty; unset it, or give it a value`)
  return pluginOptions(env)
}

/** Requires one complete provider: Entra's secret would otherwise go to the other provider's token endpoint. */
function refuseMixture(env: Environment): void {
  const entra = [...Object.keys(entraVariables), ...ownVariables].find((name) => env[name])
  const oidc = Object.keys(oidcVariables).find((name) => env[name])
  if (oidc && entra) {
    throw new EntraConfigurationError(
      `${oidc} configures another provider and ${entra} configures Entra; unset one of them`
    )
  }
  refuseBesideFile(env)
  const missing = oidcRequired.find((name) => oidc && !env[name])
  if (missing) throw new EntraConfigurationError(`${missing} is missing; give it beside ${oidc}`)
  if (!oidc && !env.ISSUERS_FILE && !env.ENTRA_TENANT_ID && !env.ENTRA_CLIENT_ID) {
    const wanted = "give the tenant's ID and the API's client ID"
    throw new EntraConfigurationError(`ENTRA_TENANT_ID and ENTRA_CLIENT_ID are missing; ${wanted}`)
  }
}

/** What is about one issuer stands in its entry of the file; a credential would be sent to any of them. */
function refuseBesideFile(env: Environment): void {
  if (!env.ISSUERS_FILE) return
  const ofOne = [...Object.keys({ ...entraVariables, ...oidcVariables, ...clientVariables }), ...ownVariables]
  const beside = ofOne.find((name) => env[name])
  if (beside === undefined) return
  throw new EntraConfigurationError(
    `ISSUERS_FILE takes the place of ${beside}, which is set as well; unset one of them`
  )
}

/** Another OpenID provider than Entra. */
function isOidc(env: Environment): boolean {
  return Object.keys(oidcVariables).some((name) => env[name])
}

/** Variables and options of the kind of provider that is configured. */
function variablesOf(env: Environment): readonly [variable: string, option: string][] {
  return Object.entries({ ...(isOidc(env) ? oidcVariables : entraVariables), ...commonVariables })
}

/**
 * Replaces names of options by those of variables, as operators set variables and never see options. A name that is also an English word,
 * such as `audience`, is replaced only before a value.
 */
export function inTermsOfVariables(message: string, env: Environment): string {
  // The options of entries in a file have no variables.
  const set = variablesOf(env).filter(([variable]) => !env.ISSUERS_FILE || variable.endsWith('_SECONDS'))
  const variables = new Map(set.map(([variable, option]) => [option, variable]))
  const said = message
    .replace('downstream.clientCertificateFile', 'ENTRA_CLIENT_CERTIFICATE')
    .replace('downstream.managedIdentity', 'ENTRA_MANAGED_IDENTITY')
    .replace('downstream.federatedTokenFile', federatedVariable)
    .replace('resource.publicUrl', 'RESOURCE_URL')
    .replace('preloadedKeys', 'KEYS_FILE')
    .replace(
      /\b[a-z]+(?:[A-Z][a-z]+)*\b(?= (?:"|\[|is missing|\d))|\b[a-z]+(?:[A-Z][a-z]+)+\b/g,
      (word) => variables.get(word) ?? word
    )
  return env.ISSUERS_FILE && !/^[A-Z_]+ /.test(said) ? `ISSUERS_FILE ${env.ISSUERS_FILE}: ${said}` : said
}

/** Converts strings to lists and numbers. The plugin validates the values, and that none is missing. */
function pluginOptions(env: Environment): EntraOptions {
  const options = variablesOf(env).flatMap(([variable, option]) => {
    const text = env[variable]
    return text ? [[option, toValue(variable, text)]] : []
  })
  const tenants = env.ISSUERS_FILE ? tenantsIn(env.ISSUERS_FILE) : {}
  const resource = env.RESOURCE_URL ? { resource: { publicUrl: env.RESOURCE_URL } } : {}
  return {
    ...Object.fromEntries(options),
    ...credentialOption(env),
    ...tenants,
    ...resource
  } as unknown as EntraOptions
}

function toValue(variable: string, text: string): string | number | boolean | readonly string[] {
  if (lists.has(variable) || (variable === 'ENTRA_USER_FLOW' && text.includes(','))) return list(text)
  if (switches.has(variable)) return oneOf(variable, text, ['on', 'off']) === 'on'
  if (!variable.endsWith('_SECONDS')) return text
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text // the plugin refuses a string, and shows it
}
