/** `fastify-entra explain`: reads a token from the standard input, and says what each check of this API comes to. */
import { startEngine } from '../engine.js'
import { readOptions } from '../environment/read-options.js'
import { explainToken, explainWithoutKeys } from '../explain.js'
import { noLog } from '../lib/logger.js'
import { toSettings } from '../options.js'
import { isRefusal, refusal } from '../refusals/refusal.js'
import { type DecodedToken, decodeToken } from '../verification/decode.js'
import { type ConfiguredApi, changeFor } from './changes.js'
import { factsOf } from './facts.js'
import { CommandFailure, json, lines, type Outcome, parsed, type World } from './outcome.js'
import { type Finding, reportOf } from './report.js'
import { tokenIn } from './token-input.js'
import { unlessUnconfigured, withArguments } from './variables.js'

const usage = [
  'usage: fastify-entra explain < token',
  '  --tenant   ENTRA_TENANT_ID: directory (tenant) ID',
  "  --client   ENTRA_CLIENT_ID: the API's application (client) ID",
  '  --online   fetch the keys of the tenant, and verify the signature; without it, nothing is sent anywhere',
  '  --json     print JSON',
  "All other options are the server's variables, such as ENTRA_AUTHORITY, OIDC_ISSUER and OIDC_AUDIENCE."
]
const options = {
  tenant: { type: 'string' },
  client: { type: 'string' },
  online: { type: 'boolean' },
  json: { type: 'boolean' }
} as const
const wrongUse =
  'explain takes --tenant, --client, --online and --json, and the token on its standard input, never as an argument'

/** Exit status 0: no check fails. 1: one does. 2: the token, the options or the tenant leave it open. */
async function start({ args, env, input }: World): Promise<Outcome> {
  const { values } = parsed(args, options, { text: wrongUse, positionals: 0 })
  const configured = withArguments(env, values)
  const settings = settingsOf(configured)
  const token = tokenIn(await input())
  const decoded = decodeToken(token)
  if (isRefusal(decoded)) throw new CommandFailure(decoded.detail)
  const isOnline = values.online === true
  const found = await find(token, decoded, settings, isOnline)
  const finding = withChange(found, { issuers: settings.issuers, env: configured }, decoded)
  const out = values.json ? json(finding) : lines(reportOf(finding, isOnline))
  return { exitCode: finding.code === undefined ? 0 : finding.code === 'tenant_unavailable' ? 2 : 1, out, err: '' }
}

/** The subcommand. */
export const explain = { usage, start }

function withChange(found: Finding, api: ConfiguredApi, { payload }: DecodedToken): Finding {
  const change = found.code && changeFor(found.code, api, payload.iss)
  return change === undefined ? found : { ...found, change }
}

/** Without the API's own credential: nothing is requested with it. */
function settingsOf(env: World['env']) {
  return { ...unlessUnconfigured(() => toSettings(readOptions(env))), clients: new Map() }
}

async function find(
  token: string,
  decoded: DecodedToken,
  settings: ReturnType<typeof settingsOf>,
  isOnline: boolean
): Promise<Finding> {
  const engine = await startEngine(settings, { log: noLog, logFor: () => noLog, isSilent: () => true })
  try {
    if (isOnline) await engine.firstTry()
    const { code, checks } = await (isOnline ? explainToken : explainWithoutKeys)(token, engine.verifier)
    return {
      ...(code !== undefined && { code, status: refusal(code).status }),
      signatureChecked: checks.some(({ id, outcome }) => id === 'signature' && outcome !== 'undecided'),
      facts: factsOf(decoded),
      checks,
      outages: engine.issuers.flatMap(({ status: { metadataUrl, lastError } }) =>
        lastError === undefined ? [] : [`The keys of ${metadataUrl} cannot be fetched: ${lastError}`]
      )
    }
  } finally {
    await engine.close()
  }
}
