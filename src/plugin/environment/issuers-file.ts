/** Several tenants or providers, from a JSON file: the plugin's option `tenants`. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import type { TenantsOptions } from '../options.js'
import { fileText } from './values.js'

const wanted = 'give the path of a JSON file with a list of tenants and providers'

/**
 * Reads the file. The plugin validates the options of each entry.
 *
 * @throws EntraConfigurationError with one sentence that names the variable, and nothing of the file, which may contain secrets
 */
export function tenantsIn(file: string): TenantsOptions {
  const tenants = parsed(fileText('ISSUERS_FILE', file, wanted).replace(/^\uFEFF/, ''))
  if (!Array.isArray(tenants) || tenants.length === 0)
    throw new EntraConfigurationError(`ISSUERS_FILE has no list with an entry; ${wanted}`)
  const at = tenants.findIndex((each) => typeof each !== 'object' || each === null || Array.isArray(each))
  if (at < 0) return { tenants }
  throw new EntraConfigurationError(`ISSUERS_FILE has an entry (number ${at + 1}) that is not an object; ${wanted}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new EntraConfigurationError(`ISSUERS_FILE does not contain JSON; ${wanted}`)
  }
}
