/**
 * `npm run dev`: the embedded tenant, the API, a single-page app and an MCP server, with accounts and tokens to try them. Nothing else starts the tenant.
 */
import type { FastifyInstance } from 'fastify'
import { oneOf } from '../plugin/environment/values.js'
import { startTenant, type TlsIdentity } from '../tenant/index.js'
import { buildApp } from './app.js'
import { readConfig } from './config/config.js'
import { introduction } from './dev-introduction.js'
import { devLog } from './dev-log.js'
import { startMcp } from './dev-mcp.js'
import { listenFrom, listenOn } from './dev-ports.js'
import { startSpa } from './dev-spa.js'
import { receiveIdentity, runTrusting, secondProcess } from './dev-tls.js'
import { environmentFor } from './environment.js'
import { closeGracefully, endOnFaults } from './process/last-words.js'
import { exitOnStartError } from './process/start-error.js'

/** Requests in flight may finish for this long. */
const closeDelayMs = () => 10_000

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
    TENANT_PORT,
    SPA_PORT,
    MCP_PORT,
    HOST,
    PORT,
    LOG_LEVEL = 'info',
    DOCS = 'public',
    CORS_ORIGINS,
    RESOURCE_URL
  } = process.env
  // The issuer contains this port, and clients are configured with it: it never moves on.
  const tenant = await listenOn('TENANT_PORT', TENANT_PORT || '4000', (port) =>
    startTenant({ port, tls: identity ?? false })
  )
  open.push(tenant)
  if (RESOURCE_URL) tenant.addAppIdUri(RESOURCE_URL)
  const spa = await listenFrom('SPA_PORT', SPA_PORT, 5173, startSpa)
  open.push(spa)
  const corsOrigins = [CORS_ORIGINS, ...spa.origins].filter(Boolean).join(',')
  // Only these: the shell may have settings for a real tenant, which do not match the embedded one.
  const config = readConfig({
    HOST,
    PORT,
    LOG_LEVEL,
    DOCS,
    RESOURCE_URL,
    CORS_ORIGINS: corsOrigins,
    ...environmentFor(tenant)
  })
  const api = await buildApp(config, devLog(config.logLevel))
  app = api
  open.push(api)
  const address = await listenFrom('PORT', PORT, config.port, (port) => api.listen({ host: config.host, port }))
  await spa.connect(tenant, address)
  const logger = { level: config.logLevel, stream: devLog(config.logLevel) }
  const mcp = await listenFrom('MCP_PORT', MCP_PORT, 3001, (port) => startMcp(tenant, port, { logger }))
  open.push(mcp)
  process.stdout.write(await introduction(tenant, address, spa.origin, mcp.url))
}

/** npm does not forward SIGTERM to the command of its shell: the servers would keep running, and their ports in use. */
function endWithParent(): void {
  const parent = process.ppid
  const watch = () => process.ppid === parent || process.kill(process.pid, 'SIGTERM')
  setInterval(watch, 500).unref()
}

await start().catch((error) => exitOnStartError(error, process.env))
