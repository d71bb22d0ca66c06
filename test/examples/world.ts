/**
 * The embedded tenant over https and an API that trusts it, as a process: Node reads NODE_EXTRA_CA_CERTS when a process starts, so a test that
 * is running already cannot trust an authority that it makes. `startWorld` starts it.
 */
import { once } from 'node:events'
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config.js'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant, type TenantDescription, type TlsIdentity } from '../../src/tenant/index.js'
import { appToken, getJson } from '../support/api.js'
import { type Answered, reportAnswers, tokenRequestLog } from './reports.js'

/** What the world is told at its start. */
export interface Plan {
  readonly identity: TlsIdentity
  readonly env: Record<string, string>
  readonly accessTokenLifetimeSeconds: number
}

/** What the world tells. */
export type Report =
  | { readonly started: { address: string; origin: string; tenantId: string; description: TenantDescription } }
  | { readonly answered: Answered }
  | { readonly tokenRequest: true }
  | { readonly rotated: true }

const send = (report: Report) => process.send?.(report)

const [{ identity, env, accessTokenLifetimeSeconds }] = (await once(process, 'message')) as [Plan]
const logger = tokenRequestLog(() => send({ tokenRequest: true }))
const tenant = await startTenant({ port: 0, tls: identity, logger, accessTokenLifetimeSeconds })
const app = await buildApp(readConfig({ LOG_LEVEL: 'silent', ...environmentFor(tenant), ...env }))
const address = await app.listen({ host: '127.0.0.1', port: 0 })
const daemon = () => appToken(tenant, 'daemon')
// The API asks for a token of its own, for Graph, when it lists users first. That one is not a client's.
await getJson(`${address}/users`, await daemon())
reportAnswers(app, (answered) => send({ answered }))
const { origin, tenantId, description } = tenant
send({ started: { address, origin, tenantId, description } })

// The only thing it is ever told: to make all tokens invalid. The API hears of the new keys by the first token that has one.
process.on('message', async () => {
  await tenant.rotate({ keep: false })
  await getJson(`${address}/protected`, await daemon())
  send({ rotated: true })
})
process.on('disconnect', () => process.exit())
