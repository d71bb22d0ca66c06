/** `npm run token -- <account or client>`: prints an access token for the API, from the embedded tenant that `npm run dev` runs. */

import { oneOf } from '../plugin/environment/values.js'
import { EntraConfigurationError } from '../plugin/index.js'
import { namesIn, tokenFor } from '../tenant/access-tokens.js'
import type { TenantDescription } from '../tenant/index.js'
import { integer } from './config/variables.js'
import { endOnFaults } from './process/last-words.js'
import { exitOnStartError } from './process/start-error.js'

async function run(name = ''): Promise<void> {
  const { TENANT_PORT, TENANT_TLS } = process.env
  const port = integer('TENANT_PORT', TENANT_PORT || '4000', 65_535)
  const scheme = oneOf('TENANT_TLS', TENANT_TLS || '0', ['0', '1']) === '1' ? 'https' : 'http'
  const origin = `${scheme}://127.0.0.1:${port}`
  const description = await descriptionAt(origin)
  const token = await tokenFor(origin, description, name)
  if (token === undefined) {
    const found = name === '' ? 'the command names no account' : `there is no account ${JSON.stringify(name)}`
    throw new EntraConfigurationError(`${found}; give one of ${namesIn(description).join(', ')}`)
  }
  process.stdout.write(`${token}\n`)
}

async function descriptionAt(origin: string): Promise<TenantDescription> {
  try {
    const response = await fetch(`${origin}/`, { headers: { accept: 'application/json' } })
    const description = (await response.json()) as TenantDescription
    if (description.api.clientId && description.otherTenants) return description
  } catch {
    // Another program, or none: the same advice.
  }
  const advice = 'start it with npm run dev, and set TENANT_PORT as there'
  throw new EntraConfigurationError(`no embedded tenant was found at ${origin}; ${advice}`)
}

endOnFaults()
await run(process.argv[2]).catch((error) => exitOnStartError(error, process.env))
