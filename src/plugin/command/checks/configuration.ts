/** The check of the variables: whether the API would start with them. */
import { inTermsOfVariables, readOptions } from '../../environment/read-options.js'
import { EntraConfigurationError } from '../../lib/configuration-error.js'
import { secureOrigin } from '../../lib/validate.js'
import { type EntraOptions, type Settings, toSettings } from '../../options.js'
import type { World } from '../outcome.js'
import { unlessUnconfigured } from '../variables.js'
import { type Diagnosis, ok, wrongBy } from './diagnosis.js'

/** A configuration with which the API starts. */
export interface Configuration {
  readonly settings: Settings
  /** PEM of the certificates with which this API authenticates. */
  readonly certificates: readonly string[]
  /** Origin of Microsoft Graph. Default: that of the tenant's cloud. */
  readonly graphUrl: string | undefined
}

/** Diagnoses, and the configuration unless it is wrong. */
export interface CheckedConfiguration {
  readonly diagnoses: readonly Diagnosis[]
  readonly configuration?: Configuration
}

/**
 * Validates the variables.
 *
 * @throws CommandFailure where nothing is configured at all
 */
export function checkConfiguration(env: World['env']): CheckedConfiguration {
  try {
    const { options, settings } = unlessUnconfigured(() => {
      const options = readOptions(env)
      return { options, settings: toSettings(options) }
    })
    const graphUrl = env.GRAPH_URL && secureOrigin('GRAPH_URL', env.GRAPH_URL, 'https://graph.microsoft.com')
    const found = `${settings.issuers.length} issuers, for tokens whose aud is ${settings.audiences.join(' or ')}`
    const warnings = settings.warnings.map((warning) => ok('configuration', `allowed, but: ${warning}`))
    const configuration = { settings, certificates: certificatesIn(options), graphUrl: graphUrl || undefined }
    return { diagnoses: [ok('configuration', found), ...warnings], configuration }
  } catch (error) {
    if (!(error instanceof EntraConfigurationError)) throw error
    return { diagnoses: [wrongBy('configuration', inTermsOfVariables(error.message, env))] }
  }
}

function certificatesIn(options: EntraOptions): readonly string[] {
  const tenants = 'tenants' in options ? options.tenants : [options]
  return tenants.flatMap((tenant) => {
    const pem = 'downstream' in tenant ? tenant.downstream?.clientCertificate : undefined
    return pem === undefined ? [] : [pem]
  })
}
