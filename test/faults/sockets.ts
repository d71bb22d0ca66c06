/**
 * Run by itself: `npx tap test/faults/sockets.ts`. It is not in the suite yet: beside other tests it was seen once, on Node 24,
 * not to end although all had passed.
 */
/** The same promises in real time, over real sockets: through a proxy, with a certificate, and down to the last handle. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createJsonClient } from '../../src/plugin/fetch-json.js'
import entra, { type EntraOptions } from '../../src/plugin/index.js'
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config.js'
import { get, listen, makeApp } from '../support/http.js'
import { run } from '../support/process.js'
import { skipWithout } from '../support/programs.js'
import { clientId, signingKey, startTestTenant, type TestTenant, tenantId } from '../support/tenant.js'
import { send, transportFaults } from './faults.js'

/** New each time: tap keeps what it learns of a test in the object that it is given. */
const forked = () => ({ timeout: 40_000, buffered: true })
t.jobs = 6

const rejections: unknown[] = []
process.on('unhandledRejection', (reason) => void rejections.push(reason))

/** Asks again until it is so, or the time is over. */
async function until(condition: () => boolean | Promise<boolean>, milliseconds = 10_000): Promise<boolean> {
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    if (await condition()) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return condition()
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

async function serve(t: Test, server: Server): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  }
  server.on('connection', keep)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: portOf(server), sockets }
}

async function startTenant(t: Test): Promise<TestTenant> {
  const tenant = await startTestTenant()
  t.teardown(() => tenant.close())
  return tenant
}

/** As fast as the options allow. */
const quick = { keysRefreshSeconds: 1, keysCooldownSeconds: 1, keysTimeoutSeconds: 0.5 }

async function startApi(t: Test, tenant: TestTenant, options: Partial<EntraOptions> = quick) {
  const made = makeApp(t)
  await made.app.register(entra, { tenantId, clientId, authority: tenant.origin, ...options })
  made.app.get('/any', async () => 'ok')
  return listen(made)
}

function both(tenant: TestTenant, kind: 'discovery' | 'keys', answer: RequestListener) {
  const { paths } = tenant
  for (const path of kind === 'keys' ? [paths.keys, paths.v1Keys] : [paths.discovery, paths.v1Discovery])
    tenant.answers.set(path, answer)
}

/** What a fault in real time needs of the matrix: one of each kind of ending. */
const endings = ['reset before the headers', 'hang before the headers', 'one byte a second', '503 with Retry-After']
const lane = { discoveryDocument: () => ({ issuer: '', jwks_uri: '' }), published: () => [] }

t.test('real time: faults come, and go', forked(), async (t) => {
  t.jobs = 8
  for (const kind of ['discovery', 'keys'] as const) {
    for (const fault of transportFaults.filter(({ name }) => endings.includes(name))) {
      t.test(`${kind}: ${fault.name} (good tokens pass, and it heals)`, forked(), async (t) => {
        const tenant = await startTenant(t)
        const { app, origin } = await startApi(t, tenant)
        const token = await tenant.userToken()
        t.equal((await get(`${origin}/any`, token)).status, 200, 'warm')
        if (fault.answer) both(tenant, kind, fault.answer(lane as never))
        const statuses = new Set<number>()
        const stale = await until(async () => {
          statuses.add((await get(`${origin}/any`, token)).status)
          return app.entra.issuers.every(({ state }) => state === 'stale')
        })
        t.ok(stale, 'the fault is seen')
        statuses.add((await get(`${origin}/any`, token)).status)
        t.same([...statuses], [200], 'every good token passes meanwhile')
        t.equal(app.entra.ready, true)
        tenant.answers.clear()
        t.ok(await until(() => app.entra.issuers.every(({ state }) => state === 'fresh')), 'it heals by itself')
      })
    }
  }
})

t.test('real time: an outage beyond keysMaxStaleSeconds, and back', forked(), async (t) => {
  const tenant = await startTenant(t)
  const { app, origin } = await startApi(t, tenant, { ...quick, keysMaxStaleSeconds: 3 })
  const token = await tenant.userToken()
  await tenant.close()
  const statuses: number[] = []
  const ask = async () => {
    const { status, headers } = await get(`${origin}/any`, token)
    if (status !== statuses.at(-1)) statuses.push(status)
    if (status === 503) t.match(headers.get('retry-after'), /^[1-9]\d*$/)
    return status
  }
  t.ok(await until(async () => (await ask()) === 503), '503 in the end')
  t.equal(app.entra.ready, false)
  for (let i = 0; i < 20; i += 1) await ask()
  await tenant.listen()
  const back = performance.now()
  t.ok(await until(async () => (await ask()) === 200), 'and back')
  t.ok(performance.now() - back <= 5000, `after ${Math.round(performance.now() - back)} ms`)
  t.same(statuses, [200, 503, 200], 'never 401')
})

t.test('while a background refresh hangs no good token waits', forked(), async (t) => {
  const tenant = await startTenant(t)
  const { app, origin } = await startApi(t, tenant, { ...quick, keysTimeoutSeconds: 60 })
  const token = await tenant.userToken()
  const hung = new Promise<void>((resolve) => both(tenant, 'keys', () => resolve()))
  await hung
  const times: number[] = []
  for (let i = 0; i < 50; i += 1) {
    const start = performance.now()
    t.equal((await get(`${origin}/any`, token)).status, 200)
    times.push(performance.now() - start)
  }
  const [median = 0, slowest = 0] = [times.sort((a, b) => a - b)[25], times.at(-1)]
  t.ok(median < 500 && slowest < 10_000, `median ${Math.round(median)} ms, slowest ${Math.round(slowest)}, of 60 s`)
  const start = performance.now()
  await app.close()
  t.ok(performance.now() - start < 5000, 'close() does not wait for it')
})

t.test(
  'a flood over real sockets neither delays good tokens nor asks more than once per cooldown',
  forked(),
  async (t) => {
    const tenant = await startTenant(t)
    const { app } = await startApi(t, tenant, {})
    const forged = await signingKey('forged')
    const [good, bad] = await Promise.all([tenant.userToken(), tenant.userToken({}, {}, forged)])
    const withKid = (kid: string) => {
      const header = Buffer.from(JSON.stringify({ typ: 'JWT', alg: 'RS256', kid })).toString('base64url')
      return [header, ...bad.split('.').slice(1)].join('.')
    }
    const ask = async (token: string) =>
      (await app.inject({ url: '/any', headers: { authorization: `Bearer ${token}` } })).statusCode
    const before = tenant.requests.length
    const statuses = new Set<number>()
    for (let batch = 0; batch < 20; batch += 1) {
      const flood = Array.from({ length: 100 }, () => ask(withKid(String(Math.random()))))
      t.equal(await ask(good), 200)
      for (const status of await Promise.all(flood)) statuses.add(status)
    }
    t.same([...statuses], [401])
    t.equal(tenant.requests.length - before, 2, 'one document and one key set for 2000 kids')
  }
)

t.test('stale service shows at /readyz', forked(), async (t) => {
  const tenant = await startTenant(t)
  const env = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin }
  const timings = { KEYS_REFRESH_SECONDS: '1', KEYS_COOLDOWN_SECONDS: '1', KEYS_MAX_STALE_SECONDS: '6' }
  const app = await buildApp(readConfig({ LOG_LEVEL: 'silent', ...env, ...timings }))
  t.teardown(() => app.close())
  const readyz = async () => {
    const { statusCode, body } = await app.inject('/readyz')
    const { issuers } = JSON.parse(body) as { issuers: { state: string }[] }
    return `${statusCode} ${issuers.map(({ state }) => state).join()}`
  }
  t.equal(await readyz(), '200 fresh,fresh')
  await tenant.close()
  const seen: string[] = []
  const sees = (wanted: string) =>
    until(async () => {
      const now = await readyz()
      if (now !== seen.at(-1)) seen.push(now)
      return now === wanted
    })
  t.ok(await sees('200 stale,stale'), seen.join())
  t.ok(await sees('503 cold,cold'), seen.join())
  await tenant.listen()
  t.ok(await sees('200 fresh,fresh'), seen.join())
})

t.test('one fetch', forked(), async (t) => {
  async function setUp(t: Test, listener: RequestListener, timeoutSeconds: number) {
    const server = createServer(listener)
    const { port, sockets } = await serve(t, server)
    const client = createJsonClient(timeoutSeconds)
    t.teardown(() => client.close())
    return { client, url: `http://127.0.0.1:${port}/keys`, sockets }
  }

  t.test('one deadline, however the time is spread over connect, headers and body', async (t) => {
    const { client, url } = await setUp(
      t,
      (_request, response) => {
        setTimeout(() => {
          response.writeHead(200).write('{')
          const timer = setInterval(() => response.write(' '), 20)
          response.on('close', () => clearInterval(timer))
        }, 400)
      },
      0.6
    )
    const start = performance.now()
    await t.rejects(client.fetchJson(url))
    const milliseconds = performance.now() - start
    t.ok(milliseconds > 500 && milliseconds < 3000, `${Math.round(milliseconds)} ms`)
  })

  t.test('a byte cap: what is too much is not even read', async (t) => {
    let sent = 0
    const { client, url, sockets } = await setUp(
      t,
      (_request, response) => {
        const more = () => {
          while (!response.destroyed && sent < 50_000_000) {
            sent += 65_536
            if (!response.write(Buffer.alloc(65_536, ' '))) return void response.once('drain', more)
          }
        }
        response.on('error', () => {})
        more()
      },
      10
    )
    await t.rejects(client.fetchJson(url), /bytes/)
    t.ok(await until(() => sockets.size === 0), 'the connection is given up')
    t.ok(sent < 20_000_000, `${sent} bytes left the tenant, of 50 MB`)
  })

  t.test('a byte cap: one megabyte passes', async (t) => {
    const body = `"${'x'.repeat(999_000)}"`
    const { client, url } = await setUp(t, send(200, {}, body), 10)
    t.equal(await client.fetchJson(url), JSON.parse(body))
  })
})

/** The plugin in another process: what it said, and how it ended. */
async function child(t: Test, options: EntraOptions, env: Record<string, string> = {}) {
  const { HTTP_PROXY = '', NO_PROXY = '' } = env
  const proxies = { HTTP_PROXY, NO_PROXY, HTTPS_PROXY: '', http_proxy: HTTP_PROXY, no_proxy: NO_PROXY, https_proxy: '' }
  const ran = run(t, 'test/faults/child.ts', { ...env, ...proxies, FAULTS_OPTIONS: JSON.stringify(options) })
  const [code] = (await once(ran.process, 'close')) as [number | null]
  const lines = ran.output.out.split('\n').filter((line) => line.startsWith('{'))
  const said = Object.assign({}, ...lines.map((line) => JSON.parse(line))) as {
    ready?: boolean
    issuers?: { lastError?: string }[]
    left?: string[]
  }
  return { code, said, output: ran.output }
}

async function checkEnd(t: Test, { code, said, output }: Awaited<ReturnType<typeof child>>) {
  t.equal(code, 0, `ends by itself: ${output.err}`)
  t.same(said.left, [], 'no timer and no socket is left')
}

t.test('app.close() leaves nothing that keeps a process alive', forked(), async (t) => {
  const options = { tenantId, clientId }
  const rows: { name: string; prepare: (tenant: TestTenant) => unknown; ready: boolean }[] = [
    { name: 'warm', prepare: () => {}, ready: true },
    { name: 'cold, refused', prepare: (tenant) => tenant.close(), ready: false },
    { name: 'cold, hanging', prepare: (tenant) => both(tenant, 'discovery', () => {}), ready: false },
    {
      name: 'in the middle of a key set',
      prepare: (tenant) => both(tenant, 'keys', (_request, response) => void response.write('{')),
      ready: false
    }
  ]
  t.jobs = 4
  for (const { name, prepare, ready } of rows) {
    t.test(name, forked(), async (t) => {
      const tenant = await startTenant(t)
      await prepare(tenant)
      const ended = await child(t, { ...options, authority: tenant.origin, keysTimeoutSeconds: ready ? 10 : 1.5 })
      t.equal(ended.said.ready, ready)
      await checkEnd(t, ended)
    })
  }
})

t.test('HTTP_PROXY is honoured', forked(), async (t) => {
  /** A proxy as RFC 9110 §9.3.6 and RFC 9112 §3.2.2 have it: tunnels, and absolute targets. */
  async function proxy(t: Test, hangs = false) {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      if (hangs) return
      const onward = httpRequest(request.url ?? '', { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      onward.on('error', () => response.destroy()).end()
    })
    server.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`)
      socket.on('error', () => {})
      if (hangs) return
      const [host = '', port] = (request.url ?? '').split(':')
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
        onward.pipe(socket).pipe(onward)
      })
      onward.on('error', () => socket.destroy())
      socket.on('close', () => onward.destroy())
    })
    const { port } = await serve(t, server)
    return { url: `http://127.0.0.1:${port}`, asked }
  }

  t.test('every fetch goes through it', async (t) => {
    const tenant = await startTenant(t)
    const { url, asked } = await proxy(t)
    const ended = await child(t, { tenantId, clientId, authority: tenant.origin }, { HTTP_PROXY: url })
    t.equal(ended.said.ready, true, ended.output.out)
    t.ok(asked.length > 0, 'the proxy was asked')
    const { host } = new URL(tenant.origin)
    t.ok(
      asked.every((line) => line.includes(host)),
      asked.join()
    )
    await checkEnd(t, ended)
  })

  t.test('NO_PROXY, too', async (t) => {
    const tenant = await startTenant(t)
    const { url, asked } = await proxy(t)
    const env = { HTTP_PROXY: url, NO_PROXY: '127.0.0.1' }
    const ended = await child(t, { tenantId, clientId, authority: tenant.origin }, env)
    t.equal(ended.said.ready, true)
    t.same(asked, [])
  })

  t.test('one that is down: cold, and alive', async (t) => {
    const tenant = await startTenant(t)
    const env = { HTTP_PROXY: 'http://127.0.0.1:1' }
    const ended = await child(t, { tenantId, clientId, authority: tenant.origin }, env)
    t.equal(ended.said.ready, false, 'it is not gone round')
    t.same(tenant.requests, [])
    await checkEnd(t, ended)
  })

  t.test('one that hangs: the same deadline', async (t) => {
    const tenant = await startTenant(t)
    const { url, asked } = await proxy(t, true)
    const options = { tenantId, clientId, authority: tenant.origin, keysTimeoutSeconds: 0.5 }
    const ended = await child(t, options, { HTTP_PROXY: url })
    t.equal(ended.said.ready, false)
    t.ok(asked.length > 0)
    await checkEnd(t, ended)
  })
})

t.test('a custom CA by Node’s own settings', { ...forked(), skip: skipWithout('openssl') }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'faults-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const at = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const [ca, key, asked, certificate] = [at('ca.pem'), at('key.pem'), at('request.pem'), at('certificate.pem')]
  const [caKey, names] = [at('ca-key.pem'), 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const fresh = ['-newkey', 'rsa:2048', '-nodes']
  openssl('req', '-x509', ...fresh, '-days', '2', '-subj', '/CN=Throw-away CA', '-keyout', caKey, '-out', ca)
  openssl('req', ...fresh, '-subj', '/CN=localhost', '-addext', names, '-keyout', key, '-out', asked)
  const signed = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '1', '-copy_extensions', 'copy']
  openssl('x509', '-req', '-in', asked, ...signed, '-out', certificate)

  const { jwk } = await signingKey('tls')
  const tls = { key: readFileSync(key), cert: readFileSync(certificate) }
  const server = createSecureServer(tls, (request, response) => {
    const keys = `${origin}/${tenantId}/keys`
    const isV2 = request.url?.includes('/v2.0/')
    const document = { issuer: `${origin}/${tenantId}/${isV2 ? 'v2.0' : ''}`, jwks_uri: keys }
    response.end(JSON.stringify(request.url?.endsWith('/keys') ? { keys: [jwk] } : document))
  })
  server.on('tlsClientError', () => {})
  const { port } = await serve(t, server)
  const origin = `https://localhost:${port}`
  const options = { tenantId, clientId, authority: origin }

  const trusted = await child(t, options, { NODE_EXTRA_CA_CERTS: ca })
  t.equal(trusted.said.ready, true, trusted.output.out)
  await checkEnd(t, trusted)
  const stranger = await child(t, options)
  t.equal(stranger.said.ready, false, 'without it the certificate is not accepted')
  t.match(stranger.said.issuers?.[0]?.lastError, /certificate/)
  await checkEnd(t, stranger)
})

t.test('no rejection was left unhandled', (t) => {
  t.same(rejections, [])
  t.end()
})
