/** `KEYS_FILE`: the server as a process that starts while its tenant is down. */
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { until } from '../faults/waits.js'
import { type Running, run } from '../support/process.js'
import { appToken, getJson, startServer } from '../support/server.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

async function folderOf(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keys-file-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return folder
}

const start = (t: Test, env: Record<string, string>) => run(t, 'src/server/main.ts', { PORT: '0', ...env })

async function listening(server: Running): Promise<string> {
  return (await server.printed(/Server listening at (http:[^"]+)/))?.[1] ?? ''
}

async function stop(server: Running): Promise<void> {
  const ended = once(server.process, 'close')
  server.process.kill('SIGTERM')
  t.same(await ended, [0, null])
}

t.test('a process writes its keys, and the next one serves good tokens while the tenant is down', async (t) => {
  const tenant = await startTenant({ port: 0 })
  const token = await appToken(tenant, 'daemon')
  const folder = await folderOf(t)
  const file = join(folder, 'keys.json')
  const env = { ...environmentFor(tenant), KEYS_FILE: file }

  const first = start(t, env)
  const address = await listening(first)
  t.equal((await getJson(`${address}/protected`, token)).status, 200)
  const { issuers: fresh } = (await getJson(`${address}/readyz`)).body as { issuers: object[] }
  t.notMatch(JSON.stringify(fresh), 'preloaded')
  await stop(first)
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.same(await readdir(folder), ['keys.json'], 'and nothing beside it')
  const sets = JSON.parse(await readFile(file, 'utf8'))
  t.match(sets, [{ issuer: String, fetchedAt: String, keys: [{ kty: 'RSA' }] }, {}])

  await tenant.close()
  const next = start(t, env)
  const again = await listening(next)
  t.equal((await getJson(`${again}/protected`, token)).status, 200, 'the tenant is down')
  const ready = await getJson(`${again}/readyz`)
  t.equal(ready.status, 200)
  t.match(ready.body, { status: 'ready', issuers: [{ state: 'stale', preloaded: true }, { preloaded: true }] })
  t.match(next.output.out, 'keys of the tenant preloaded')
  t.notOk(next.output.out.includes(sets[0].keys[0].n.slice(0, 20)), 'no key material in the log')
  await stop(next)
  t.same(JSON.parse(await readFile(file, 'utf8')), sets, 'nothing was fetched, so it is as it was')

  const without = start(t, environmentFor(tenant))
  t.equal((await getJson(`${await listening(without)}/protected`, token)).status, 503, 'without the file')
  await stop(without)
})

t.test('what stops the start: one line that names the variable', async (t) => {
  const tenant = await startTestTenant(t)
  const file = join(await folderOf(t), 'keys.json')
  const env = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin, KEYS_FILE: file }
  const foreign = { issuer: 'https://id.example', fetchedAt: new Date().toISOString(), keys: [tenant.key.jwk] }
  const rows: [text: string, mode: number, line: RegExp][] = [
    [JSON.stringify(foreign), 0o666, /^fastify-entra: KEYS_FILE names a file that others can write, [^\n]+\n$/],
    ['no JSON', 0o600, /^fastify-entra: KEYS_FILE names a file that does not contain JSON; [^\n]+\n$/],
    [
      JSON.stringify(foreign),
      0o600,
      /^fastify-entra: KEYS_FILE has keys of "https:\/\/id\.example", and this API trusts http[^\n]+\n$/
    ]
  ]
  for (const [text, mode, line] of rows) {
    await writeFile(file, text)
    await chmod(file, mode)
    const server = start(t, env)
    const [code] = await once(server.process, 'close')
    t.equal(code, 1)
    t.match(server.output.err, line)
    t.equal(await readFile(file, 'utf8'), text, 'a file that is not the server’s own is never overwritten')
  }
})

t.test('a file that is too old is ignored, and written anew', async (t) => {
  const tenant = await startTestTenant(t)
  const file = join(await folderOf(t), 'keys.json')
  const issuer = `${tenant.origin}/${tenantId}/v2.0`
  const old = { issuer, fetchedAt: '2020-01-01T00:00:00Z', keys: [tenant.key.jwk] }
  await writeFile(file, JSON.stringify(old), { mode: 0o600 })
  const app = await startServer(t, {
    ...{ ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin },
    KEYS_FILE: file
  })
  t.match(app.entra.issuers, [{ state: 'fresh' }, { state: 'fresh' }])
  await until('both sets are in the file', async () => JSON.parse(await readFile(file, 'utf8')).length === 2)
})

t.test('a folder that cannot be written: the server serves, and its log says so', async (t) => {
  const tenant = await startTestTenant(t)
  const folder = await folderOf(t)
  const server = start(t, {
    ...{ ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin },
    KEYS_FILE: join(folder, 'none', 'keys.json')
  })
  const address = await listening(server)
  t.equal((await getJson(`${address}/protected`, await tenant.userToken())).status, 200)
  const sentence = 'KEYS_FILE cannot be written (ENOENT); name a file in a folder that this process may write'
  t.match((await server.printed(/.*"code":"ENOENT".*saveKeys failed: keys are not saved/))?.[0], sentence)
  t.same(await readdir(folder), [], 'and leaves nothing behind')
  await stop(server)
})
