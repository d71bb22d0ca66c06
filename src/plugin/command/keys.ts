/** `fastify-entra keys`: fetches the keys of an API's issuers, and prints them for the option `preloadedKeys`. */
import { readOptions } from '../environment/read-options.js'
import { createJsonClient } from '../lib/json-client.js'
import { loggedText } from '../lib/logged-text.js'
import { toSettings } from '../options.js'
import { changeFor, fetchIssuers } from './checks/keys.js'
import { json, lines, type Outcome, parsed, type World } from './outcome.js'
import { unlessUnconfigured, withArguments } from './variables.js'

const usage = [
  'usage: fastify-entra keys > keys.json',
  '  --tenant       ENTRA_TENANT_ID: directory (tenant) ID',
  "  --client       ENTRA_CLIENT_ID: the API's application (client) ID",
  "All other options are the server's variables. Prints the public keys of all issuers of the API, and when they were fetched, as JSON for the option",
  'preloadedKeys: with them, a process serves good tokens also if it starts while its tenant cannot be reached. Only the tenants are contacted.'
]
const options = { tenant: { type: 'string' }, client: { type: 'string' } } as const
const wrongUse = 'keys takes --tenant and --client, and nothing else'

/** Exit status 0: all keys are printed. 1: those of an issuer could not be fetched, and nothing is printed. 2: nothing is configured. */
async function start({ args, env: given }: World): Promise<Outcome> {
  const { values } = parsed(args, options, { text: wrongUse, positionals: 0 })
  const env = withArguments(given, values)
  const settings = unlessUnconfigured(() => toSettings(readOptions(env)))
  const client = createJsonClient(settings.keysTimeoutSeconds, undefined, undefined, settings.insecureHttpHosts)
  try {
    const issuers = await fetchIssuers(settings, client.fetchJson)
    const failed = issuers.filter(({ status }) => status.lastError !== undefined)
    if (failed.length > 0) {
      const err = failed.map(({ settings: { url }, status: { lastError = '' } }) => {
        return `${url}: ${lastError}; ${changeFor({ url, reason: lastError }, settings, env)}`
      })
      return { exitCode: 1, out: '', err: lines(err.map((each) => loggedText(each))) }
    }
    const [first, ...others] = issuers.flatMap(({ savedKeys }) => savedKeys ?? [])
    return { exitCode: 0, out: json(others.length === 0 ? first : [first, ...others]), err: '' }
  } finally {
    await client.close()
  }
}

/** The subcommand. */
export const keys = { usage, start }
