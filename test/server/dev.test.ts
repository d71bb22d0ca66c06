/** `npm run dev`, as a newcomer sees it: every printed line is run, and gives the status that it promises. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type Running, run, unwatched } from '../support/process.js'
import { skipWithout } from '../support/programs.js'
import { getJson } from '../support/server.js'

const last = /\nTenant {2}http[^\n]+\n/

const shell = (script: string) => promisify(execFile)('env', [...unwatched, 'sh', '-c', script])

async function dev(t: Test, env: Record<string, string>): Promise<Running> {
  const running = run(t, 'src/server/dev.ts', env)
  await running.printed(last)
  return running
}

t.test('prints URLs, accounts and lines to paste', { skip: skipWithout('curl') }, async (t) => {
  const { output, process } = await dev(t, { PORT: '0', TENANT_PORT: '0' })
  t.match(output.out, /^API {5}http:\/\/127\.0\.0\.1:\d+ /m)
  t.match(output.out, /^Tenant {2}http:\/\/127\.0\.0\.1:\d+ /m)
  t.match(output.out, /admin@contoso\.example {2}Admin/)
  const exports = output.out.match(/^export [A-Z_]+=ey[\w.-]+$/gm) ?? []
  t.equal(exports.length, 4)
  t.equal(output.out.indexOf(exports[0] ?? '-'), output.out.indexOf('export '), 'the tokens come first')
  t.match(output.out, /\nTenant {2}[^\n]+\n$/, 'and the URLs last')
  t.ok(output.out.replace(/=ey[\w.-]+/g, '').split('\n').length < 50)
  const lines = [...output.out.matchAll(/^# (\d{3}): ([^\n]+)\n(curl [^\n]+)$/gm)]
  t.equal(lines.length, 11)
  for (const [, status, promise, line = ''] of lines) {
    const { stdout } = await shell([...exports, line].join('\n'))
    t.match(stdout, new RegExp(`^HTTP/1.1 ${status} `), `${promise}: ${status}`)
  }
  const refused = lines.filter(([, status]) => Number(status) >= 400)
  const said = output.out.split('\n').filter((line) => /^\d{3} GET \//.test(line))
  t.equal(said.length, refused.length, 'one line for each refusal')
  t.match(said, ['401 GET /protected  credentials_missing: ', '403 GET /role-protected  insufficient_permissions: '])
  t.notMatch(output.out, '{"level"', 'and none for other requests')
  const [, command = ''] = /: (TENANT_PORT=\d+ npm run --silent token -- guest@\S+)$/m.exec(output.out) ?? []
  const { stdout: token } = await shell(command)
  const api = /^API {5}(\S+)/m.exec(output.out)?.[1] ?? ''
  t.match(await getJson(`${api}/me`, token.trim()), { status: 200, body: { email: 'guest@fabrikam.example' } })
  process.kill('SIGINT')
  t.equal((await once(process, 'close'))[0], 0, 'Ctrl-C ends both')
})

t.test('RESOURCE_URL: the API publishes its metadata, and the tenant knows that URL', async (t) => {
  const resource = 'https://api.example.com/mcp'
  const { output, process } = await dev(t, { PORT: '0', TENANT_PORT: '0', RESOURCE_URL: resource })
  const api = /^API {5}(\S+)/m.exec(output.out)?.[1] ?? ''
  const metadata = await (await fetch(`${api}/.well-known/oauth-protected-resource/mcp`)).json()
  const { authorization_servers: servers, scopes_supported: scopes } = metadata as Record<string, string[]>
  t.equal(scopes?.includes(`${resource}/access_as_user`), true)
  const request = new URL(String(servers?.[0]).replace('/v2.0', '/oauth2/v2.0/authorize'))
  request.search = String(
    new URLSearchParams({
      client_id: '20000000-0000-4000-8000-000000000002',
      response_type: 'code',
      redirect_uri: 'http://localhost:5173/callback',
      code_challenge: createHash('sha256').digest('base64url'),
      code_challenge_method: 'S256',
      scope: String(scopes?.join(' ')),
      resource
    })
  )
  const { status, headers } = await fetch(request, { redirect: 'manual' })
  t.equal(status, 303)
  t.match(headers.get('location'), '/login/', 'it asks for a sign-in')
  process.kill('SIGINT')
  t.equal((await once(process, 'close'))[0], 0)
})

t.test('a browser may open the app by address or by name', async (t) => {
  const { output } = await dev(t, { PORT: '0', TENANT_PORT: '0', CORS_ORIGINS: 'http://localhost:1' })
  const app = new URL(/^App {5}(\S+)/m.exec(output.out)?.[1] ?? '')
  const api = /^API {5}(\S+)/m.exec(output.out)?.[1] ?? ''
  for (const origin of [app.origin, `http://localhost:${app.port}`, 'http://localhost:1']) {
    const { headers } = await fetch(`${api}/protected`, { headers: { origin } })
    t.equal(headers.get('access-control-allow-origin'), origin)
  }
  t.equal((await fetch(`http://localhost:${app.port}/protected`)).status, 200)
  t.equal((await fetch(new URL('/favicon.ico', app))).status, 204)
})

t.test('a port that is taken is said in one line, with the variable that sets it', async (t) => {
  const { output } = await dev(t, { PORT: '0', TENANT_PORT: '0' })
  for (const [variable, name] of [
    ['PORT', 'API {5}'],
    ['TENANT_PORT', 'Tenant {2}'],
    ['SPA_PORT', 'App {5}'],
    ['MCP_PORT', 'MCP {5}']
  ] as const) {
    const port = new RegExp(`^${name}http://127\\.0\\.0\\.1:(\\d+)[ /]`, 'm').exec(output.out)?.[1] ?? ''
    const second = run(t, 'src/server/dev.ts', { PORT: '0', TENANT_PORT: '0', SPA_PORT: '0', [variable]: port })
    t.equal((await once(second.process, 'close'))[0], 1)
    const advice = `end that program, or set ${variable} to another port`
    t.match(second.output.err, `fastify-entra: ${variable} ${port} is used by another program; ${advice}\n`)
  }
})

t.test('the default port of the tenant is its issuer, and never moves on', async (t) => {
  const other = createServer().on('error', () => {}) // taken already: as good
  other.listen(4000, '127.0.0.1')
  t.teardown(() => other.close())
  const second = run(t, 'src/server/dev.ts', { PORT: '0', TENANT_PORT: '', SPA_PORT: '0' })
  t.equal((await once(second.process, 'close'))[0], 1)
  t.match(second.output.err, /^fastify-entra: TENANT_PORT 4000 is used by another program; /m)
})

t.test('default ports that are taken: the API, the app and the MCP server move on', async (t) => {
  for (const port of [3000, 3001, 5173]) {
    const other = createServer().on('error', () => {}) // taken already: as good
    other.listen(port, '127.0.0.1')
    t.teardown(() => other.close())
  }
  const { output } = await dev(t, { TENANT_PORT: '0', PORT: '', SPA_PORT: '', MCP_PORT: '' })
  const [api, app, mcp] = ['API', 'App', 'MCP'].map(
    (name) => new RegExp(`^${name} {5}\\S+?:(\\d+)[ /]`, 'm').exec(output.out)?.[1]
  )
  t.ok(Number(api) > 3000 && Number(api) <= 3020, `${api}`)
  t.ok(Number(app) > 5173 && Number(app) <= 5193, `${app}`)
  t.ok(Number(mcp) > 3001 && Number(mcp) <= 3021, `${mcp}`)
})

t.test('the servers end with what started them, as npm does not hand signals on', async (t) => {
  const shell = run(t, 'test/support/parent.ts', { PORT: '0', TENANT_PORT: '0' }, 'src/server/dev.ts')
  const address = (await shell.printed(/^API {5}(http:\S+) /m))?.[1] ?? ''
  await shell.printed(last)
  t.equal((await fetch(`${address}/healthz`)).status, 200)
  shell.process.kill('SIGKILL')
  await t.resolves(refused(address))
})

/** Resolves once nobody listens any more. */
async function refused(address: string): Promise<void> {
  const listens = () =>
    fetch(`${address}/healthz`)
      .then(() => true)
      .catch(() => false)
  while (await listens()) await new Promise((resolve) => setTimeout(resolve, 100))
}

t.test(
  'TENANT_TLS=1: https, an authority that the API trusts and that others can',
  { skip: skipWithout('curl') },
  async (t) => {
    const { output, process } = await dev(t, { PORT: '0', TENANT_PORT: '0', TENANT_TLS: '1' })
    const exports = output.out.match(/^export .+$/gm) ?? []
    const [, me = ''] = /^# 200: user@contoso\.example, \/me\n(curl [^\n]+)$/m.exec(output.out) ?? []
    const { stdout: own } = await shell([...exports, me].join('\n'))
    t.match(own, /^HTTP\/1.1 200 /, 'the API verified a token')
    const [, line = ''] = /^ {2}(curl --cacert [^\n]+)$/m.exec(output.out) ?? []
    const { stdout } = await shell(line)
    t.match(stdout, /"issuer":"https:\/\/127\.0\.0\.1:\d+\//)
    const [, command = ''] = /: (TENANT_PORT=\d+ TENANT_TLS=1 \S+ npm run .+)$/m.exec(output.out) ?? []
    t.match((await shell(command)).stdout, /^ey[\w.-]+\n$/, 'and so does the command')
    const [, origin = '', file = ''] = /^Tenant {2}(https:\S+).*\nTrust {3}(\S+)/m.exec(output.out) ?? []
    await t.rejects(fetch(origin), 'who does not trust it is not served')
    await t.rejects(readFile(file.replace('ca.pem', 'key.pem')), 'no key is on the disk')
    t.equal((await readdir(dirname(file))).length, 1)
    process.kill('SIGINT')
    t.equal((await once(process, 'close'))[0], 0, 'Ctrl-C ends all')
    await t.rejects(readdir(dirname(file)), { code: 'ENOENT' })
  }
)

t.test('TENANT_TLS=1: what cannot start says so, and leaves nothing behind', async (t) => {
  const temporary = t.testdir({})
  const env = { PORT: '0', TENANT_PORT: '99999', TENANT_TLS: '1', TMPDIR: temporary }
  const { output, process } = run(t, 'src/server/dev.ts', env)
  t.equal((await once(process, 'close'))[0], 1)
  t.match(output.err, /^fastify-entra: TENANT_PORT "99999" is not allowed/m)
  t.same(
    (await readdir(temporary)).filter((name) => name.startsWith('fastify-entra')),
    []
  )
})

t.test('TENANT_TLS=1: the servers end with what started them', async (t) => {
  const shell = run(t, 'test/support/parent.ts', { PORT: '0', TENANT_PORT: '0', TENANT_TLS: '1' }, 'src/server/dev.ts')
  const address = (await shell.printed(/^API {5}(http:\S+) /m))?.[1] ?? ''
  await shell.printed(last)
  shell.process.kill('SIGKILL')
  await t.resolves(refused(address))
})

t.test('TENANT_TLS is 0 or 1', async (t) => {
  const { output, process } = run(t, 'src/server/dev.ts', { PORT: '0', TENANT_PORT: '0', TENANT_TLS: 'yes' })
  t.equal((await once(process, 'close'))[0], 1)
  t.match(output.err, /^fastify-entra: TENANT_TLS "yes" is not allowed; give one of 0, 1/m)
})
