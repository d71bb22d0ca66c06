/**
 * The embedded tenant over https and an API that trusts it, as a process: Node reads NODE_EXTRA_CA_CERTS when a process starts, so a test that
 * is running already cannot trust an authority that it makes. `startWorld` starts it.
 */
import { once } from 'node:events'
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config/config.js'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant, type TenantDescription, type TlsIdentity } from '../../src/tenant/index.js'
import { appToken, getJson } from '../support/server.js'
import { enterCode } from './person.js'
import { type Answered, reportAnswers, tokenRequestLog } from './reports.js'

/** What the world is told at its start. */
export interface Plan {
  readonly identity: TlsIdentity
  readonly env: Record<string, string>
  /** Certificates of clients, as PEM, by client ID. */
  readonly clientCertificates?: Readonly<Record<string, string>>
  readonly accessTokenLifetimeSeconds?: number
}

/** What the world does when it is told to. */
export type Order =
  | { readonly what: 'rotate' }
  | { readonly what: 'sign in'; readonly page: string; readonly code: string; readonly username: string }

/** What the world tells. */
export type Report =
  | { readonly started: { address: string; origin: string; tenantId: string; description: TenantDescription } }
  | { readonly answered: Answered }
  | { readonly tokenRequest: true }
  | { readonly done: string }

const send = (report: Report) => process.send?.(report)

const [{ identity, env, ...options }] = (await once(process, 'message')) as [Plan]
const logger = tokenRequestLog(() => send({ tokenRequest: true }))
const tenant = await startTenant({ port: 0, tls: identity, logger, ...options })
const app = await buildApp(readConfig({ LOG_LEVEL: 'silent', ...environmentFor(tenant), ...env }))
const address = await app.listen({ host: '127.0.0.1', port: 0 })
const daemon = () => appToken(tenant, 'daemon')
// The API asks for a token of its own, for Graph, when it lists users first. That one is not a client's.
await getJson(`${address}/users`, await daemon())
reportAnswers(app, (answered) => send({ answered }))
const { origin, tenantId, description } = tenant
send({ started: { address, origin, tenantId, description } })

process.on('message', async (order: Order) => {
  if (order.what === 'rotate') await rotate()
  send({ done: order.what === 'sign in' ? await enterCode(origin, order.page, order.code, order.username) : '' })
})

/** The API hears of new keys by the first token that is signed with one of them. */
async function rotate(): Promise<void> {
  await tenant.rotate({ keep: false })
  await getJson(`${address}/protected`, await daemon())
}

process.on('disconnect', () => process.exit())
