/** The examples as their users have them: in folders of their own, run by `npm start`'s command, checked by their own compiler. */
import { type ChildProcess, execFile, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant, type Tenant, type TenantOptions } from '../../src/tenant/index.js'
import { createTlsIdentity } from '../../src/tenant/tls.js'
import { unwatched } from '../support/process.js'
import { appToken, getJson, startServer } from '../support/server.js'
import { type Answered, reportAnswers, tokenRequestLog } from './reports.js'
import type { Order, Plan, Report } from './world.js'

export const folderOf = (example: string) => resolve('examples', example)

/** What a program that ended has said. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Program {
  readonly process: ChildProcess
  readonly output: { out: string; err: string }
  /** Resolves when the program has ended. */
  ended(): Promise<Ended>
}

/** Without settings that a developer may have in the shell. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(AZURE_|API_|POLL_SECONDS$|NODE_EXTRA_CA_CERTS$)/.test(name))
)

/** Runs an example's `npm start` command, until it ends or the test does. */
export function runExample(t: Test, example: string, env: Record<string, string>): Program {
  const cwd = folderOf(example)
  const child = spawn('env', [...unwatched, process.execPath, '--import', 'tsx', 'src/main.ts'], {
    cwd,
    env: { ...inherited, ...env }
  })
  t.teardown(() => child.kill('SIGKILL'))
  const output = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.err += text
  })
  const close = once(child, 'close')
  return { process: child, output, ended: async () => ({ code: (await close)[0] as number | null, ...output }) }
}

/** Runs a tool by the name that npm gave it, the example's own where it has one; says how that ended. */
export async function tool(example: string, name: string, args: string[], cwd = example): Promise<Ended> {
  const bins = [example, '.'].map((folder) => resolve(folder, 'node_modules/.bin', name))
  const running = promisify(execFile)('env', [...unwatched, String(bins.find(existsSync)), ...args], {
    cwd,
    env: inherited
  })
  return running.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr })
  )
}

/** Resolves once it is so; the test's own timeout is the limit. */
export async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 20))
}

export interface Counted {
  readonly tenant: Tenant
  readonly address: string
  /** What the API answered, in order. */
  readonly answered: readonly Answered[]
  /** How often clients asked the tenant for a token. */
  tokenRequests(): number
}

/** The embedded tenant and the API, which count what reaches them from here on. */
export async function startCounted(
  t: Test,
  env: Record<string, string> = {},
  options: TenantOptions = {}
): Promise<Counted> {
  let requests = 0
  const logger = tokenRequestLog(() => requests++)
  const tenant = await startTenant({ port: 0, logger, ...options })
  t.teardown(() => tenant.close())
  const app = await startServer(t, { ...environmentFor(tenant), ...env })
  const address = app.listeningOrigin
  // The API asks for a token of its own, for Graph, when it lists users first. That one is not a client's.
  await getJson(`${address}/users`, await appToken(tenant, 'daemon'))
  const before = requests
  return { tenant, address, answered: answersOf(app), tokenRequests: () => requests - before }
}

/** Collects what a listening API answers. */
export function answersOf(app: FastifyInstance): readonly Answered[] {
  const answered: Answered[] = []
  reportAnswers(app, (each) => answered.push(each))
  return answered
}

export interface World {
  readonly address: string
  readonly tenant: Pick<Tenant, 'origin' | 'tenantId' | 'description'>
  /** Its file, for NODE_EXTRA_CA_CERTS. */
  readonly caFile: string
  readonly answered: readonly Answered[]
  /** How often clients asked the tenant for a token. */
  tokenRequests(): number
  /** Makes all tokens that there are invalid, or signs a user in for a device; resolves when that is done, with the page that is seen. */
  tell(order: Order): Promise<string>
}

/** The embedded tenant over https, and the API, in a process that trusts it; it ends with the test. */
export async function startWorld(
  t: Test,
  env: Record<string, string> = {},
  options: Omit<Plan, 'env' | 'identity'> = {}
): Promise<World> {
  const identity = await createTlsIdentity()
  // Not in t.testdir(), which a test may want for files of its own, and has once.
  const folder = await mkdtemp(join(tmpdir(), 'fastify-entra-world-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, identity.ca)
  const child = fork('test/examples/world.ts', { env: { ...process.env, NODE_EXTRA_CA_CERTS: caFile } })
  t.teardown(() => child.kill('SIGKILL'))
  const answered: Answered[] = []
  let requests = 0
  const started = new Promise<Extract<Report, { started: object }>['started']>((resolve, reject) => {
    child.on('message', (report: Report) => {
      if ('answered' in report) answered.push(report.answered)
      if ('tokenRequest' in report) requests++
      if ('started' in report) resolve(report.started)
    })
    child.once('exit', () => reject(new Error('the world ended')))
  })
  child.send({ identity, env, ...options } satisfies Plan)
  const { address, ...tenant } = await started
  const before = requests
  const tell = (order: Order) =>
    new Promise<string>((resolve) => {
      const listen = (report: Report) => {
        if (!('done' in report)) return
        child.off('message', listen)
        resolve(report.done)
      }
      child.on('message', listen)
      child.send(order)
    })
  return { address, tenant, caFile, answered, tokenRequests: () => requests - before, tell }
}

/** A client's settings as the examples read them, under the names of Azure's SDKs. */
export function settingsOf({ tenant, address }: Pick<World, 'tenant' | 'address'>, name: string) {
  const { origin, tenantId, description } = tenant
  const client = description.clients.find((each) => each.name === name)
  return {
    API_URL: address,
    API_SCOPE: `api://${description.api.clientId}/.default`,
    AZURE_AUTHORITY_HOST: origin,
    AZURE_TENANT_ID: tenantId,
    AZURE_CLIENT_ID: String(client?.clientId),
    AZURE_CLIENT_SECRET: String(client?.clientSecret)
  }
}
