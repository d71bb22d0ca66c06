/** The server's own credential at its tenant: secrets, a certificate in a file, or an identity of the platform. */
import type { ManagedIdentityOptions } from '../downstream/managed-identity.js'
import type { EntraTenantOptions } from '../entra/options.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { guid, shown } from '../lib/validate.js'
import type { Environment } from './values.js'

/** Each authenticates this API to its tenant; at most one is set. */
const credentialVariables = ['ENTRA_CLIENT_SECRET', 'ENTRA_CLIENT_CERTIFICATE', 'ENTRA_MANAGED_IDENTITY'] as const

/** The second secret during a rotation. */
const nextSecret = 'ENTRA_CLIENT_SECRET_NEXT'

/** All that set this API's own credential. */
export const ownVariables = [...credentialVariables, nextSecret] as const

/**
 * Set by the platform for all programs of a container (Microsoft: "Microsoft Entra Workload ID with AKS"), so that it configures nothing
 * where another credential is set, or where it is another application's.
 */
export const federatedVariable = 'AZURE_FEDERATED_TOKEN_FILE'

/**
 * Refuses too many credentials, and those that would do harm.
 *
 * @throws EntraConfigurationError with one sentence that names the variable
 */
export function refuseCredentials(env: Environment): void {
  const [given, another] = credentialVariables.filter((name) => env[name])
  if (isMany(env) && given) {
    const why = 'an administrator of any tenant that may call could use it to read this tenant'
    throw new EntraConfigurationError(`${given} goes with a single tenant; ${why}, so unset it`)
  }
  if (another) throw new EntraConfigurationError(`${given} and ${another} are two credentials; unset one of them`)
  if (env[nextSecret] && !env.ENTRA_CLIENT_SECRET)
    throw new EntraConfigurationError(
      `${nextSecret} is set without ENTRA_CLIENT_SECRET; set that, or unset ${nextSecret}`
    )
}

/** The credential with which the plugin requests tokens; the plugin validates it, and reads the files. */
export function credentialOption(env: Environment): Pick<EntraTenantOptions, 'downstream'> {
  const { ENTRA_CLIENT_SECRET: secret, ENTRA_CLIENT_CERTIFICATE: certificate, ENTRA_MANAGED_IDENTITY: identity } = env
  const { [nextSecret]: next, [federatedVariable]: federatedTokenFile } = env
  if (secret) return { downstream: { clientSecret: next ? [secret, next] : secret } }
  if (certificate) return { downstream: { clientCertificateFile: certificate } }
  if (identity) return { downstream: { managedIdentity: identityIn(identity) } }
  return federatedTokenFile && isOwnIdentity(env) ? { downstream: { federatedTokenFile } } : {}
}

/** `system`, or the client ID of a user-assigned identity. */
function identityIn(text: string): ManagedIdentityOptions {
  if (text === 'system') return {}
  if (guid.test(text)) return { clientId: text }
  const wanted = 'give system, or the client ID of a user-assigned identity'
  throw new EntraConfigurationError(`ENTRA_MANAGED_IDENTITY ${shown(text)} is not allowed; ${wanted}`)
}

/** Whether this API has a credential. */
export function hasCredential(env: Environment): boolean {
  return credentialOption(env).downstream !== undefined
}

function isMany({ ENTRA_TENANT_ID }: Environment): boolean {
  return /^(common|organizations)$/i.test(ENTRA_TENANT_ID ?? '')
}

/** Whether the platform's token is meant for this API, and can be used for it. */
function isOwnIdentity(env: Environment): boolean {
  const { ENTRA_TENANT_ID: tenant = '', ENTRA_CLIENT_ID: client = '', AZURE_TENANT_ID, AZURE_CLIENT_ID } = env
  if (tenant === '' || isMany(env) || env.ENTRA_USER_FLOW || env.ENTRA_CUSTOM_SIGNING_KEYS === 'on') return false
  const isSame = (own: string, platforms = '') => platforms === '' || own.toLowerCase() === platforms.toLowerCase()
  // A domain does not show which tenant it is.
  return isSame(client, AZURE_CLIENT_ID) && (!guid.test(tenant) || isSame(tenant, AZURE_TENANT_ID))
}
