/**
 * `npm run dev`: the embedded tenant, the API and a single-page app, with accounts and tokens to try them. Nothing else starts the tenant.
 */
import type { FastifyInstance } from 'fastify'
import { clientCredentials, signIn } from '../tenant/client.js'
import { startTenant, type Tenant, type TlsIdentity } from '../tenant/index.js'
import { buildApp } from './app.js'
import { readConfig } from './config/config.js'
import { integer, oneOf } from './config/variables.js'
import { startSpa } from './dev-spa.js'
import { receiveIdentity, runTrusting, secondProcess } from './dev-tls.js'
import { environmentFor } from './environment.js'
import { closeGracefully, endOnFaults } from './process/last-words.js'
import { exitOnStartError } from './process/start-error.js'

/** Requests in flight may finish for this long. */
const closeDelayMs = 10_000

/** Requests to try: the caller, the path, and the resulting status. */
const tries = [
  ['without a token', '/unprotected', 200],
  ['without a token', '/protected', 401],
  ['user@contoso.example', '/me', 200],
  ['user@contoso.example', '/role-protected', 403],
  ['user@contoso.example', '/step-up-protected', 403],
  ['admin@contoso.example', '/role-protected', 200],
  ['admin@contoso.example', '/users', 200],
  ['daemon', '/protected', 200],
  ['daemon', '/users', 200],
  ['daemon', '/me', 403],
  ['daemon-no-roles', '/protected', 403]
] as const

async function start(): Promise<void> {
  endWithParent()
  const tls = oneOf('TENANT_TLS', process.env.TENANT_TLS || '0', ['0', '1', secondProcess])
  if (tls === '1') {
    endOnFaults()
    process.exitCode = await runTrusting()
  } else await startBoth(tls === '0' ? undefined : await receiveIdentity())
}

async function startBoth(identity: TlsIdentity | undefined): Promise<void> {
  const open: { close(): Promise<unknown> }[] = []
  let app: FastifyInstance | undefined
  const closeAll = async () => {
    for (const each of open.reverse()) await each.close()
  }
  closeGracefully(() => app, closeAll, closeDelayMs)
  const {
    TENANT_PORT = '4000',
    SPA_PORT = '5173',
    HOST,
    PORT,
    LOG_LEVEL = 'warn',
    DOCS = 'public',
    CORS_ORIGINS
  } = process.env
  const tenant = await startTenant({ port: integer('TENANT_PORT', TENANT_PORT, 65_535), tls: identity ?? false })
  open.push(tenant)
  const spa = await startSpa(integer('SPA_PORT', SPA_PORT, 65_535))
  open.push(spa)
  const corsOrigins = [CORS_ORIGINS, spa.origin].filter(Boolean).join(',')
  // Only these: the shell may have settings for a real tenant, which do not match the embedded one.
  const config = readConfig({ HOST, PORT, LOG_LEVEL, DOCS, CORS_ORIGINS: corsOrigins, ...environmentFor(tenant) })
  app = await buildApp(config)
  open.push(app)
  const address = await app.listen({ host: config.host, port: config.port })
  await spa.connect(tenant, address)
  process.stdout.write(await introduction(tenant, address, spa.origin))
}

/** npm does not forward SIGTERM to the command of its shell: the servers would keep running, and their ports in use. */
function endWithParent(): void {
  const parent = process.ppid
  const watch = () => process.ppid === parent || process.kill(process.pid, 'SIGTERM')
  setInterval(watch, 500).unref()
}

async function introduction(tenant: Tenant, address: string, spaOrigin: string): Promise<string> {
  const { clients, users } = tenant.description
  const tokens = await accessTokens(tenant)
  const lines = tries.map(([who, path, status]) => {
    const token = tokens.get(who)
    const header = token ? ` -H 'Authorization: Bearer ${token}'` : ''
    return `# ${status}: ${who}, ${path}\ncurl -i '${address}${path}'${header}\n`
  })
  return [
    `App     ${spaOrigin}  (open it in a browser: sign in, call the API, be refused)`,
    `API     ${address}  (to sign in and call it: ${address}/docs)`,
    `Tenant  ${tenant.origin}  (development only: anyone can sign in as anyone)`,
    ...(tenant.ca === undefined ? [] : howToTrust(tenant.origin, String(process.env.NODE_EXTRA_CA_CERTS))),
    '',
    'Users, who sign in without a password:',
    ...users.map(({ username, roles }) => `  ${username}  ${roles.join(' ') || 'no roles'}`),
    'Clients:',
    ...clients.map(
      ({ name, clientId, clientSecret }) => `  ${name}  ${clientId}  ${clientSecret ?? 'public, code + PKCE'}`
    ),
    '',
    'Paste any of these; the status above each line is what it gets:',
    '',
    ...lines
  ].join('\n')
}

/** Clients that call the tenant over https must trust its authority, which is in a file for as long as this runs. */
function howToTrust(origin: string, file: string): readonly string[] {
  return [
    `Trust   ${file}  (made for this run; deleted when it ends)`,
    `  NODE_EXTRA_CA_CERTS='${file}' node your-client.js`,
    `  curl --cacert '${file}' '${origin}/'`
  ]
}

/** Gets tokens as clients do: users by code + PKCE through the single-page app, services by client credentials. */
async function accessTokens({ origin, tenantId, description }: Tenant): Promise<Map<string, string>> {
  const api = `api://${description.api.clientId}`
  const scope = description.api.scopes.map((name) => `${api}/${name}`).join(' ')
  const spa = description.clients.find(({ clientSecret }) => !clientSecret)
  const byUser = description.users.map(async ({ username }) => {
    const tokens = await signIn(origin, { tenantId, clientId: String(spa?.clientId), username, scope })
    return [username, tokens.access_token] as const
  })
  const byClient = description.clients.flatMap(async ({ name, clientId, clientSecret = '' }) => {
    if (!clientSecret || clientId === description.api.clientId) return []
    const tokens = await clientCredentials(origin, { tenantId, clientId, clientSecret, scope: `${api}/.default` })
    return [[name, tokens.access_token] as const]
  })
  return new Map([...(await Promise.all(byUser)), ...(await Promise.all(byClient)).flat()])
}

await start().catch((error) => exitOnStartError(error, process.env))
