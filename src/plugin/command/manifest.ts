/** `fastify-entra manifest`: the app registration that the guards of an app require, written, or compared with the existing one. */

import { guid, secureOrigin } from '../lib/validate.js'
import { manifestOf } from '../manifest/application.js'
import { driftOf } from '../manifest/drift.js'
import { ManifestFailure } from '../manifest/failure.js'
import { formats } from '../manifest/formats.js'
import { factsOfApp } from './app-process.js'
import { declaredPermissions } from './declared-permissions.js'
import { CommandFailure, lines, type Outcome, parsed, type World } from './outcome.js'

const usage = [
  'usage: fastify-entra manifest <module>',
  "  --client   ENTRA_CLIENT_ID: the API's application (client) ID; required",
  '  --format   json (default: the application resource of Microsoft Graph), terraform or bicep',
  '  --check    compare the registration with the guards; exit status 1 if they differ. The app needs the option downstream, and the',
  '             application permission Application.Read.All in Microsoft Graph (GRAPH_URL: its origin in another cloud)',
  'The module exports by default a Fastify app, or a function that returns one, which does not listen. Its export permissions, if it has one, is',
  'what guardsFor() gets: names with a description, or with displayName, description, id and forUsers. Its preAuthorizedApplications has names of',
  'scopes by the IDs of clients whose users need no consent.'
]
const options = {
  client: { type: 'string' },
  format: { type: 'string' },
  check: { type: 'boolean' }
} as const
const publicGraph = 'https://graph.microsoft.com'
const wrongUse = 'manifest takes one module, --client, and --format json, terraform or bicep, or --check'

/** Exit status 0: written, or no difference. 1: differences, or permissions that contradict each other. 2: the module is not an app, or the check failed. */
async function start({ args, env }: World): Promise<Outcome> {
  const { values, positionals } = parsed(args, options, { text: wrongUse, positionals: 1 })
  const format = formats.get(values.format ?? 'json')
  if (!format || (values.check && values.format !== undefined)) throw new CommandFailure(wrongUse)
  const clientId = values.client ?? env.ENTRA_CLIENT_ID ?? ''
  if (!guid.test(clientId))
    throw new CommandFailure(
      'manifest needs the application (client) ID of the API, a GUID; give --client or ENTRA_CLIENT_ID'
    )
  // It gets the app's token.
  const graphUrl = secureOrigin('GRAPH_URL', env.GRAPH_URL || publicGraph, publicGraph)
  const [module = ''] = positionals
  const facts = await factsOfApp(module, values.check ? { graphUrl, clientId } : undefined)
  try {
    const permissions = declaredPermissions(facts, module)
    const routes = facts.routes.map(({ method, url, rule }) => ({ method, url, rule }))
    const { application, warnings } = manifestOf(routes, permissions, clientId, facts.publicUrl)
    if (!facts.registration) return { exitCode: 0, out: format(application, permissions.apiName), err: lines(warnings) }
    const drift = driftOf(application, facts.registration)
    const inSync = `the registration of ${clientId} has what the guards require`
    return {
      exitCode: drift.length > 0 ? 1 : 0,
      out: lines(drift),
      err: lines(drift.length > 0 ? warnings : [...warnings, inSync])
    }
  } catch (error) {
    if (!(error instanceof ManifestFailure)) throw error
    return { exitCode: 1, out: '', err: lines([error.message]) }
  }
}

/** The subcommand. */
export const manifest = { usage, start }
