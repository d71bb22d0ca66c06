/** examples/serverless, bundled as they are deployed: cold starts while the tenant is down, refusals, and processes that are frozen. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import { run } from '../../src/plugin/command/run.js'
import { until, within } from '../faults/waits.js'
import { unwatched } from '../support/process.js'
import { clientId, signingKey, startTestTenant, type TestTenant, tenantId } from '../support/tenant.js'
import { folderOf } from './support.js'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const kinds = { lambda: 'lambda', azure: 'azure-function' } as const
type Kind = keyof typeof kinds

/** CommonJS packages in the bundle call `require` (esbuild: "Bundling for node"). */
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"

/** The bundle of a function, with the package of the platform, which brings it, beside it. */
async function bundle(directory: string, kind: Kind): Promise<string> {
  const outfile = resolve(directory, `${kind}.mjs`)
  const folder = folderOf('serverless')
  const entryPoints = [resolve(folder, 'src', `${kinds[kind]}.ts`)]
  const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'error' } as const
  const external = ['@azure/functions', '@azure/msal-node']
  await build({
    ...options,
    entryPoints,
    outfile,
    external,
    banner: { js: banner },
    tsconfig: `${folder}/tsconfig.json`
  })
  return outfile
}

/** A function on its platform; `send` gives it one event. */
async function deploy(t: Test, kind: Kind, file: string, env: Readonly<Record<string, string>>) {
  const args = [...unwatched, process.execPath, resolve('test/examples/serverless-host.js'), file, kind]
  const child = spawn('env', args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  await within('the start', once(child, 'message'))
  const send = async (authorization?: string): Promise<Answer> => {
    const answer = once(child, 'message')
    child.send(authorization === undefined ? {} : { authorization })
    return (await within('the answer', answer))[0] as Answer
  }
  return { send, pid: pidOf(child) }
}

const pidOf = ({ pid }: ChildProcess) => pid as number

/** Its variables, with a file of keys. */
async function environmentFor(directory: string, tenant: TestTenant): Promise<Record<string, string>> {
  const env = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin }
  const { out } = await run(['keys'], env, async () => '')
  const file = resolve(directory, 'keys.json')
  await writeFile(file, out)
  return { ...env, KEYS_FILE: file }
}

for (const kind of ['lambda', 'azure'] as const) {
  t.test(`${kind}: a cold start while the tenant is down, and refusals`, async (t) => {
    const tenant = await startTestTenant(t)
    const [good, other] = [await tenant.userToken({ scp: 'Orders.Read' }), await tenant.userToken()]
    const directory = t.testdir()
    const env = await environmentFor(directory, tenant)
    await tenant.close()
    const { send } = await deploy(t, kind, await bundle(directory, kind), env)
    const allowed = await send(`Bearer ${good}`)
    t.match([allowed.status, JSON.parse(allowed.body)], [200, { orders: [], for: /^[\da-f-]{36}$/ }])
    const rows: readonly (readonly [authorization: string | undefined, status: number, code: string])[] = [
      [undefined, 401, 'credentials_missing'],
      [`Bearer ${good.slice(0, -8)}AAAAAAAA`, 401, 'invalid_signature'],
      [`Bearer ${good}, Bearer ${good}`, 400, 'authorization_malformed'],
      [`Bearer ${other}`, 403, 'insufficient_permissions']
    ]
    for (const [authorization, status, code] of rows) {
      const answer = await send(authorization)
      t.match([answer.status, JSON.parse(answer.body)], [status, { code }])
      t.match(answer.headers, {
        'content-type': /^application\/problem\+json/,
        'cache-control': 'no-store',
        'www-authenticate': /^Bearer /
      })
    }
  })

  t.test(`${kind}: frozen while the tenant rotates its keys and restarts`, async (t) => {
    const tenant = await startTestTenant(t)
    const directory = t.testdir()
    const env = await environmentFor(directory, tenant)
    const { send, pid } = await deploy(t, kind, await bundle(directory, kind), env)
    t.equal((await send(`Bearer ${await tenant.userToken({ scp: 'Orders.Read' })}`)).status, 200)
    process.kill(pid, 'SIGSTOP')
    const key = await signingKey('key-2')
    tenant.keys.push(key.jwk)
    await tenant.close() // its connections are gone when the process goes on
    await tenant.listen()
    process.kill(pid, 'SIGCONT')
    const token = await tenant.userToken({ scp: 'Orders.Read' }, {}, key)
    await until('the new key', async () => (await send(`Bearer ${token}`)).status === 200)
    t.equal((await send(`Bearer ${await tenant.userToken({ scp: 'Orders.Read' })}`)).status, 200, 'and the old one')
  })
}
