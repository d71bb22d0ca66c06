/** `fastify-entra doctor`: checks the configuration of an API and all that it depends on, by trying it. */
import type { OwnClient } from '../downstream/options.js'
import { list } from '../environment/values.js'
import type { IssuerSettings } from '../issuers/issuer.js'
import { createJsonClient, type ExchangeJson } from '../lib/json-client.js'
import { hasOwn } from '../lib/own.js'
import { factsOfApp } from './app-process.js'
import { ClockCheck } from './checks/clock.js'
import { type Configuration, checkConfiguration } from './checks/configuration.js'
import { checkAuthorities, checkProxy } from './checks/connection.js'
import { checkConsent, checkCredential, checkPackage, delegatedConsent } from './checks/credential.js'
import { type CheckId, type Diagnosis, skipped, wrongBecause } from './checks/diagnosis.js'
import { checkCertificate, checkSecret } from './checks/expiry.js'
import { checkKeys } from './checks/keys.js'
import { checkRedis } from './checks/redis.js'
import { type App, checkRegistration, type Expected, findRegistration } from './checks/registration.js'
import { json, lines, type Outcome, parsed, type World } from './outcome.js'
import { withArguments } from './variables.js'

const usage = [
  'usage: fastify-entra doctor [<module>]',
  '  --tenant       ENTRA_TENANT_ID: directory (tenant) ID',
  "  --client       ENTRA_CLIENT_ID: the API's application (client) ID",
  '  --permissions  application permissions in Microsoft Graph that the API must have, comma-separated',
  '  --json         print JSON',
  "All other options are the server's variables, such as ENTRA_CLIENT_SECRET, REDIS_URL and HTTPS_PROXY. The module, if given, exports by default a",
  'Fastify app, or a function that returns one, which does not listen: its guards are compared with the app registration, which this API reads with',
  'its own credential and the application permission Application.Read.All in Microsoft Graph. Only the tenant, Graph and Redis are contacted.'
]
const options = {
  tenant: { type: 'string' },
  client: { type: 'string' },
  permissions: { type: 'string' },
  json: { type: 'boolean' }
} as const
const wrongUse = 'doctor takes --tenant, --client, --permissions and --json, and at most one module'

/** What is wanted beside the configuration. */
interface Wanted {
  readonly module: string | undefined
  readonly permissions: readonly string[]
}

/** Exit status 0: nothing is wrong. 1: something is. 2: nothing is configured. */
async function start({ args, env }: World): Promise<Outcome> {
  const { values, positionals } = parsed(args, options, { text: wrongUse, positionals: 1, least: 0 })
  const wanted = { module: positionals[0], permissions: list(values.permissions) }
  const diagnoses = await diagnose(withArguments(env, values), wanted)
  const out = values.json ? json(diagnoses) : lines(diagnoses.map(lineOf))
  return { exitCode: diagnoses.some(({ outcome }) => outcome === 'WRONG') ? 1 : 0, out, err: '' }
}

/** The subcommand. */
export const doctor = { usage, start }

function lineOf({ id, outcome, found, change }: Diagnosis): string {
  return `${outcome.padEnd(8)} ${id.padEnd(14)} ${found}${change ? `; ${change}` : ''}`
}

async function diagnose(env: World['env'], wanted: Wanted): Promise<readonly Diagnosis[]> {
  const { diagnoses, configuration } = checkConfiguration(env)
  const redis = checkRedis(env.REDIS_URL)
  const proxy = configuration ? checkProxy(configuration.settings, env) : []
  const isReady = configuration && !proxy.some(({ outcome }) => outcome === 'WRONG')
  const network = isReady
    ? await checkTenant(configuration, env, wanted)
    : skipAll(['keys', 'clock', 'credential', 'consent', 'registration'], 'what is above must be correct first')
  return [...diagnoses, ...proxy, checkAuthorities(env), ...network, await redis]
}

const skipAll = (ids: readonly CheckId[], why: string) => ids.map((id) => skipped(id, why))
const withoutToken = skipAll(['consent', 'registration'], 'it needs a token for Microsoft Graph, and there is none')

async function checkTenant(configuration: Configuration, env: World['env'], wanted: Wanted) {
  const { settings } = configuration
  const clock = new ClockCheck()
  const forKeys = createJsonClient(settings.keysTimeoutSeconds, undefined, clock.seen, settings.insecureHttpHosts)
  const forCalls = createJsonClient(settings.keysTimeoutSeconds)
  try {
    const { diagnoses, failed } = await checkKeys(settings, forKeys.fetchJson, env)
    const certificates = configuration.certificates.map(checkCertificate)
    const own = await checkClients({ configuration, failed, wanted, exchangeJson: forCalls.exchangeJson })
    return [...diagnoses, ...clock.diagnoses(settings), ...certificates, ...own]
  } finally {
    await Promise.all([forKeys.close(), forCalls.close()])
  }
}

interface ClientsToCheck {
  readonly configuration: Configuration
  readonly failed: ReadonlySet<IssuerSettings>
  readonly wanted: Wanted
  readonly exchangeJson: ExchangeJson
}

/** What this API requests of its tenants with its own credentials. */
async function checkClients({ configuration, failed, wanted, exchangeJson }: ClientsToCheck) {
  const { clients, resource, keysTimeoutSeconds: timeoutSeconds } = configuration.settings
  if (clients.size === 0) {
    const set = 'set ENTRA_CLIENT_SECRET, ENTRA_CLIENT_CERTIFICATE or ENTRA_MANAGED_IDENTITY'
    return [skipped('credential', 'this API has no credential of its own', set), ...withoutToken]
  }
  const missing = await checkPackage(clients)
  if (missing) return [missing, ...withoutToken]
  const { app, diagnoses } = await loadApp(wanted.module)
  const found: Diagnosis[] = []
  for (const client of new Set(clients.values())) {
    const isDown = [...clients].some(([issuer, its]) => its === client && failed.has(issuer))
    const graphUrl = configuration.graphUrl ?? client.graphUrl
    const { permissions } = wanted
    const expected = { app, publicUrl: resource?.publicUrl, permissions, timeoutSeconds }
    found.push(...(await checkClient({ client, isDown, graphUrl, exchangeJson, ...expected })))
  }
  return [...diagnoses, ...found]
}

async function loadApp(module: string | undefined): Promise<{ app?: App; diagnoses: readonly Diagnosis[] }> {
  if (module === undefined) return { diagnoses: [] }
  try {
    return { app: { module, facts: await factsOfApp(module) }, diagnoses: [] }
  } catch (error) {
    return { diagnoses: [wrongBecause('registration', error, 'correct the module, or leave it out')] }
  }
}

interface ClientToCheck extends Expected {
  readonly client: OwnClient
  readonly isDown: boolean
  readonly graphUrl: string
  readonly exchangeJson: ExchangeJson
  readonly timeoutSeconds: number
  readonly permissions: readonly string[]
}

async function checkClient({
  app,
  publicUrl,
  permissions,
  isDown,
  timeoutSeconds,
  ...graph
}: ClientToCheck): Promise<readonly Diagnosis[]> {
  const { clientId, tenantId, isMany } = graph.client
  if (isMany)
    return [skipped('credential', `a token needs one tenant, and ${tenantId} stands for many`), ...withoutToken]
  if (isDown) return skipAll(['credential', 'consent', 'registration'], `the keys of ${tenantId} must be fetched first`)
  const { diagnoses, token, secrets } = await checkCredential(graph, timeoutSeconds)
  if (token === undefined) return [...diagnoses, ...withoutToken]
  const granted = [...diagnoses, checkConsent(token, permissions), delegatedConsent]
  const registration = await findRegistration(clientId, { ...graph, token })
  if (hasOwn(registration, 'outcome')) return [...granted, registration]
  const expiry = secrets.map((secret) => checkSecret(secret, registration.secrets))
  return [...granted, ...expiry, ...checkRegistration(clientId, registration, { app, publicUrl })]
}
