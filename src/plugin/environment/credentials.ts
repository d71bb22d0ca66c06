/** The server's own credential at its tenant: a secret, or a certificate in a file. */
import type { EntraTenantOptions } from '../entra/options.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { type Environment, fileText } from './values.js'

/** Either authenticates this API to its tenant. */
export const credentialVariables = ['ENTRA_CLIENT_SECRET', 'ENTRA_CLIENT_CERTIFICATE'] as const

/** The variables that are set. */
export function credentialsIn(env: Environment): readonly string[] {
  return credentialVariables.filter((name) => env[name])
}

/**
 * Refuses too many credentials, and those that would do harm.
 *
 * @throws EntraConfigurationError with one sentence that names the variable
 */
export function refuseCredentials(env: Environment): void {
  const given = credentialsIn(env)
  const isMany = /^(common|organizations)$/i.test(env.ENTRA_TENANT_ID ?? '')
  if (isMany && given.length > 0) {
    const why = 'an administrator of any tenant that may call could use it to read this tenant'
    throw new EntraConfigurationError(`${given[0]} goes with a single tenant; ${why}, so unset it`)
  }
  if (given.length > 1)
    throw new EntraConfigurationError(`${given.join(' and ')} are two credentials; unset one of them`)
}

/** The credential with which the plugin requests tokens; the plugin validates the content of the file. */
export function credentialOption(env: Environment): Pick<EntraTenantOptions, 'downstream'> {
  const { ENTRA_CLIENT_SECRET: clientSecret, ENTRA_CLIENT_CERTIFICATE: file } = env
  if (clientSecret) return { downstream: { clientSecret } }
  return file ? { downstream: { clientCertificate: fileText('ENTRA_CLIENT_CERTIFICATE', file, wanted) } } : {}
}

const wanted = 'give the path of a PEM file with the certificate and its key'
