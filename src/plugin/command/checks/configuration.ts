/** The check of the variables: whether the API would start with them. */
import { inTermsOfVariables, readOptions } from '../../environment/read-options.js'
import { EntraConfigurationError } from '../../lib/configuration-error.js'
import { hasOwn } from '../../lib/own.js'
import { secureOrigin } from '../../lib/validate.js'
import { type Settings, toSettings } from '../../options.js'
import type { World } from '../outcome.js'
import { unlessUnconfigured } from '../variables.js'
import { type Diagnosis, ok, wrongBy } from './diagnosis.js'

/** A configuration with which the API starts. */
export interface Configuration {
  readonly settings: Settings
  /** The certificates with which this API authenticates: milliseconds of the epoch at which they expire. */
  readonly certificates: readonly number[]
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
    const settings = unlessUnconfigured(() => toSettings(readOptions(env)))
    const graphUrl = env.GRAPH_URL && secureOrigin('GRAPH_URL', env.GRAPH_URL, 'https://graph.microsoft.com')
    const found = `${settings.issuers.length} issuers, for tokens whose aud is ${settings.audiences.join(' or ')}`
    const warnings = settings.warnings.map((warning) => ok('configuration', `allowed, but: ${warning}`))
    const configuration = { settings, certificates: certificatesIn(settings), graphUrl: graphUrl || undefined }
    return { diagnoses: [ok('configuration', found), ...warnings], configuration }
  } catch (error) {
    if (!(error instanceof EntraConfigurationError)) throw error
    return { diagnoses: [wrongBy('configuration', inTermsOfVariables(error.message, env))] }
  }
}

function certificatesIn({ clients }: Settings): readonly number[] {
  const proofs = [...new Set(clients.values())].flatMap(({ credential }) => credential.initial ?? [])
  return proofs.flatMap((proof) => (hasOwn(proof, 'clientCertificate') ? [proof.clientCertificate.notAfter] : []))
}
