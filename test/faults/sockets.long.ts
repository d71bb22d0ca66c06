/**
 * The same promises in real time, over real sockets: through a proxy, with a certificate, and down to the last handle.
 * A busy machine makes each of them slower, so that no figure here measures speed: it is either a promise with room to
 * spare, or a guard that names what did not come.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request as httpRequest, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { EntraTenantOptions, TimeOptions } from '../../src/plugin/index.js'
import { createJsonClient } from '../../src/plugin/lib/json-client.js'
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config/config.js'
import { startApi } from '../support/api.js'
import { get } from '../support/http.js'
import { run } from '../support/process.js'
import { skipWithout } from '../support/programs.js'
import { clientId, signingKey, startTestTenant, type TestTenant, tenantId } from '../support/tenant.js'
import { send, transportFaults } from './faults.js'
import { until, whileOpen, within } from './waits.js'

/**
 * New each time: tap keeps what it learns of a test in the object that it is given. The time is for a machine that is busy,
 * and more than that of a wait, so that the wait is what fails, by its name.
 */
const alone = () => ({ timeout: 150_000, buffered: false })
/** For tests that mostly wait: beside others of the kind. */
const beside = () => ({ ...alone(), buffered: true })
t.jobs = 8
// The whole file takes some 30 s; the rest is for a busy machine.
t.setTimeout(300_000)

const rejections: unknown[] = []
process.on('unhandledRejection', (reason) => void rejections.push(reason))

const portOf = (server: Server) => (server.address() as AddressInfo).port

async function serve(t: Test, server: Server): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  }
  server.on('connection', keep)
  server.listen(0, '127.0.0.1')
  await within('the server to listen', once(server, 'listening'))
  t.teardown(() => {
    const closed = once(server, 'close')
    server.close()
    // Tunnels of a proxy are none of the server's own connections.
    for (const socket of sockets) socket.destroy()
    return within('the server to close', closed)
  })
  return { port: portOf(server), sockets }
}

async function startTenant(t: Test): Promise<TestTenant> {
  const tenant = await startTestTenant()
  t.teardown(() => within('the tenant to close', tenant.close()))
  return tenant
}

type Options = EntraTenantOptions & TimeOptions

/** As fast as the options allow, but for the deadline: a busy machine must not miss it by itself. */
const quick = { keysRefreshSeconds: 1, keysCooldownSeconds: 1, keysTimeoutSeconds: 2 }

/** An API whose keys are loaded, with what says that all are in one state. */
async function startWatched(t: Test, tenant: TestTenant, options: Partial<Options> = quick) {
  const running = await within('the API to listen', startApi(t, { tenant, options, routes: { '/any': {} } }))
  const every = (wanted: string) => () => running.app.entra.issuers.every(({ state }) => state === wanted)
  await until('all keys to be there', every('fresh'))
  return { ...running, every }
}

function both(tenant: TestTenant, kind: 'discovery' | 'keys', answer: RequestListener) {
  const { paths } = tenant
  for (const path of kind === 'keys' ? [paths.keys, paths.v1Keys] : [paths.discovery, paths.v1Discovery])
    tenant.answers.set(path, answer)
}

/** What a fault in real time needs of the matrix: one of each kind of ending. */
const endings = ['reset before the headers', 'hang before the headers', 'one byte a second', '503 with Retry-After']
const lane = { discoveryDocument: () => ({ issuer: '', jwks_uri: '' }), published: () => [] }

t.test('real time: faults come, and go', beside(), async (t) => {
  t.jobs = 8
  for (const kind of ['discovery', 'keys'] as const) {
    for (const fault of transportFaults.filter(({ name }) => endings.includes(name))) {
      t.test(`${kind}: ${fault.name} (good tokens pass, and it heals)`, beside(), async (t) => {
        const tenant = await startTenant(t)
        const { origin, every, app } = await startWatched(t, tenant)
        const token = await tenant.userToken()
        const statuses = new Set<number>()
        const ask = async () => statuses.add((await get(`${origin}/any`, token)).status)
        await ask()
        if (fault.answer) both(tenant, kind, fault.answer(lane as never))
        await until('the fault to be seen', async () => {
          await ask()
          return every('stale')()
        })
        await ask()
        t.same([...statuses], [200], 'every good token passes, before and meanwhile')
        t.equal(app.entra.ready, true)
        tenant.answers.clear()
        await until('it to heal by itself', every('fresh'))
      })
    }
  }
})

t.test('real time: an outage beyond keysMaxStaleSeconds, and back', beside(), async (t) => {
  const tenant = await startTenant(t)
  const timings = { ...quick, keysTimeoutSeconds: 5, keysMaxStaleSeconds: 3 }
  const { app, origin } = await startWatched(t, tenant, timings)
  const token = await tenant.userToken()
  await within('the tenant to close', tenant.close())
  const statuses: number[] = []
  const ask = async () => {
    const { status, headers } = await get(`${origin}/any`, token)
    if (status !== statuses.at(-1)) statuses.push(status)
    if (status === 503) t.match(headers.get('retry-after'), /^[1-9]\d*$/)
    return status
  }
  await until('503 in the end', async () => (await ask()) === 503)
  t.equal(app.entra.ready, false)
  for (let i = 0; i < 20; i += 1) await ask()
  await within('the tenant to listen again', tenant.listen())
  const back = performance.now()
  await until('the API to be ready again', () => app.entra.ready)
  const milliseconds = Math.round(performance.now() - back)
  // The promise. Tries are 3 s apart at the most, which leaves 2 s for a busy machine.
  t.ok(milliseconds <= 5000, `ready after ${milliseconds} ms`)
  await until('200 again', async () => (await ask()) === 200)
  t.same(statuses, [200, 503, 200], 'never 401')
})

t.test('while a background refresh hangs no good token waits', beside(), async (t) => {
  const tenant = await startTenant(t)
  const { app, origin } = await startWatched(t, tenant, { ...quick, keysTimeoutSeconds: 60 })
  const token = await tenant.userToken()
  const hanging = new Promise<ServerResponse>((resolve) =>
    both(tenant, 'keys', (_request, response) => resolve(response))
  )
  const refresh = await within('the refresh', hanging)
  for (let i = 0; i < 50; i += 1) t.equal((await get(`${origin}/any`, token)).status, 200)
  t.equal(refresh.closed, false, 'all were answered before it ended')
  const given = once(refresh, 'close')
  await within('close(), which does not wait for it', app.close(), 30_000)
  await within('the refresh to be given up', given)
})

t.test('an unknown kid waits for one deadline, though the document and the keys are both slow', beside(), async (t) => {
  const tenant = await startTenant(t)
  const { origin } = await startWatched(t, tenant, { keysTimeoutSeconds: 3 })
  both(tenant, 'discovery', (_request, response) => {
    const { paths, origin: at } = tenant
    const document = { issuer: `${at}/${tenantId}/v2.0`, jwks_uri: at + paths.keys }
    setTimeout(() => response.end(JSON.stringify(document)), 2000)
  })
  both(tenant, 'keys', (_request, response) => {
    response.writeHead(200).write('{')
    whileOpen(response, 20, () => response.write(' '))
  })
  const token = await tenant.userToken({}, {}, await signingKey('unknown'))
  const start = performance.now()
  t.equal((await within('the answer', get(`${origin}/any`, token))).status, 503)
  const milliseconds = Math.round(performance.now() - start)
  // Two deadlines would end after 5000; in between is the room for a busy machine.
  t.ok(milliseconds > 2900 && milliseconds < 4900, `${milliseconds} ms`)
})

t.test('stale service shows at /readyz', beside(), async (t) => {
  const tenant = await startTenant(t)
  const env = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin }
  const timings = { KEYS_REFRESH_SECONDS: '1', KEYS_COOLDOWN_SECONDS: '1', KEYS_MAX_STALE_SECONDS: '6' }
  const app = await buildApp(readConfig({ LOG_LEVEL: 'silent', ...env, ...timings }))
  t.teardown(() => within('the server to close', app.close()))
  const readyz = async () => {
    const { statusCode, body } = await app.inject('/readyz')
    const { issuers } = JSON.parse(body) as { issuers: { state: string }[] }
    return `${statusCode} ${issuers.map(({ state }) => state).join()}`
  }
  const sees = (wanted: string) => until(`/readyz to say ${wanted}`, async () => (await readyz()) === wanted)
  await sees('200 fresh,fresh')
  await within('the tenant to close', tenant.close())
  await sees('200 stale,stale')
  await sees('503 cold,cold')
  await within('the tenant to listen again', tenant.listen())
  await sees('200 fresh,fresh')
})

t.test('one fetch', beside(), async (t) => {
  async function setUp(t: Test, listener: RequestListener, timeoutSeconds: number) {
    const server = createServer(listener)
    const { port, sockets } = await serve(t, server)
    const client = createJsonClient(timeoutSeconds)
    t.teardown(() => within('the client to close', client.close()))
    const url = `http://127.0.0.1:${port}/keys`
    return { fetch: () => within('the fetch', client.fetchJson(url)), sockets }
  }

  t.test('one deadline, however the time is spread over connect, headers and body', alone(), async (t) => {
    const drip: RequestListener = (_request, response) => {
      setTimeout(() => {
        response.writeHead(200).write('{')
        // On a busy machine the client has given up by now.
        whileOpen(response, 20, () => response.write(' '))
      }, 2500)
    }
    const { fetch } = await setUp(t, drip, 3)
    const start = performance.now()
    await t.rejects(fetch(), /too long/)
    const milliseconds = Math.round(performance.now() - start)
    // A deadline that began again with the body would end after 5500; in between is the room for a busy machine.
    t.ok(milliseconds > 2900 && milliseconds < 5400, `${milliseconds} ms`)
  })

  t.test('a byte cap: what is too much is not even read', alone(), async (t) => {
    let sent = 0
    const { fetch, sockets } = await setUp(
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
    await t.rejects(fetch(), /bytes/)
    await until('the connection to be given up', () => sockets.size === 0)
    t.ok(sent < 20_000_000, `${sent} bytes left the tenant, of 50 MB`)
  })

  t.test('a byte cap: one megabyte passes', alone(), async (t) => {
    const body = `"${'x'.repeat(999_000)}"`
    const { fetch } = await setUp(t, send(200, {}, body), 30)
    t.equal(await fetch(), JSON.parse(body))
  })
})

// From here on one after the other, as these need the processor: the promises in seconds above are not to wait for them.

t.test(
  'a flood over real sockets neither delays good tokens nor asks more than once per cooldown',
  alone(),
  async (t) => {
    const tenant = await startTenant(t)
    const { app } = await startWatched(t, tenant, { keysCooldownSeconds: 3600 })
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

/** The plugin in another process: what it said, and how it ended. */
async function child(t: Test, options: Options, env: Record<string, string> = {}) {
  const { HTTP_PROXY = '', NO_PROXY = '' } = env
  const proxies = { HTTP_PROXY, NO_PROXY, HTTPS_PROXY: '', http_proxy: HTTP_PROXY, no_proxy: NO_PROXY, https_proxy: '' }
  const ran = run(t, 'test/faults/child.ts', { ...env, ...proxies, FAULTS_OPTIONS: JSON.stringify(options) })
  // Begun in the same turn as the process, so that its end cannot be missed. What hangs is killed with the test.
  const closed = once(ran.process, 'close') as Promise<[number | null]>
  const [code] = await within('the process to end by itself', closed, 90_000)
  const lines = ran.output.out.split('\n').filter((line) => line.startsWith('{'))
  const said = Object.assign({}, ...lines.map((line) => JSON.parse(line))) as {
    ready?: boolean
    issuers?: { lastError?: string }[]
    left?: string[]
  }
  return { code, said, output: ran.output }
}

/** Where the keys can be had: until they are there, however busy the machine is. */
const patient = { FAULTS_PATIENCE: '30000' }

async function checkEnd(t: Test, { code, said, output }: Awaited<ReturnType<typeof child>>) {
  t.equal(code, 0, `ends by itself: ${output.err}`)
  t.same(said.left, [], 'no timer and no socket is left')
}

t.test('app.close() leaves nothing that keeps a process alive', alone(), async (t) => {
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
  t.jobs = 2
  for (const { name, prepare, ready } of rows) {
    t.test(name, beside(), async (t) => {
      const tenant = await startTenant(t)
      await prepare(tenant)
      const row = { ...options, authority: tenant.origin, keysTimeoutSeconds: ready ? 10 : 1.5 }
      const ended = await child(t, row, ready ? patient : {})
      t.equal(ended.said.ready, ready)
      await checkEnd(t, ended)
    })
  }
})

t.test('HTTP_PROXY is honoured', alone(), async (t) => {
  t.jobs = 2
  /** A proxy as RFC 9110 §9.3.6 and RFC 9112 §3.2.2 have it: tunnels, and absolute targets. */
  async function proxy(t: Test, hangs = false) {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      if (hangs) return
      const onward = httpRequest(request.url ?? '', { headers: request.headers, agent: false }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.on('error', () => response.destroy()).pipe(response)
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

  // What comes back through one, with certificates and all, is in `test/products`, where every product is behind a proxy.
  const remote = { tenantId, clientId, authority: 'https://tenant.example', keysTimeoutSeconds: 1 }

  t.test('every fetch goes through it', beside(), async (t) => {
    const { url, asked } = await proxy(t)
    const ended = await child(t, remote, { HTTP_PROXY: url })
    t.ok(asked.length > 0, 'the proxy was asked')
    t.same([...new Set(asked)], ['CONNECT tenant.example:443'])
    await checkEnd(t, ended)
  })

  t.test('loopback never does', beside(), async (t) => {
    const tenant = await startTenant(t)
    const { url, asked } = await proxy(t)
    const ended = await child(t, { tenantId, clientId, authority: tenant.origin }, { ...patient, HTTP_PROXY: url })
    t.equal(ended.said.ready, true, ended.output.out)
    t.same(asked, [])
    await checkEnd(t, ended)
  })

  t.test('NO_PROXY, too', beside(), async (t) => {
    const { url, asked } = await proxy(t)
    const ended = await child(t, remote, { HTTP_PROXY: url, NO_PROXY: '.example' })
    t.same(asked, [])
    await checkEnd(t, ended)
  })

  t.test('one that is down: cold, and alive', beside(), async (t) => {
    const ended = await child(t, remote, { HTTP_PROXY: 'http://127.0.0.1:1' })
    t.equal(ended.said.ready, false)
    t.match(ended.said.issuers?.[0]?.lastError, /ECONNREFUSED/)
    await checkEnd(t, ended)
  })

  t.test('one that hangs: the same deadline', beside(), async (t) => {
    const { url, asked } = await proxy(t, true)
    const ended = await child(t, { ...remote, keysTimeoutSeconds: 0.5 }, { HTTP_PROXY: url })
    t.equal(ended.said.ready, false)
    t.ok(asked.length > 0)
    await checkEnd(t, ended)
  })
})

t.test('a custom CA by Node’s own settings', { ...alone(), skip: skipWithout('openssl') }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'faults-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const at = (name: string) => join(directory, name)
  // Not by execFileSync(): this process serves while programs run.
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { timeout: 30_000 })
  const [ca, key, asked, certificate] = [at('ca.pem'), at('key.pem'), at('request.pem'), at('certificate.pem')]
  const [caKey, extensions] = [at('ca-key.pem'), at('extensions')]
  const fresh = ['-newkey', 'rsa:2048', '-nodes']
  writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  await openssl('req', '-x509', ...fresh, '-days', '2', '-subj', '/CN=Throw-away CA', '-keyout', caKey, '-out', ca)
  await openssl('req', ...fresh, '-subj', '/CN=localhost', '-keyout', key, '-out', asked)
  const signed = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '1', '-extfile', extensions]
  await openssl('x509', '-req', '-in', asked, ...signed, '-out', certificate)

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

  const trusted = await child(t, options, { ...patient, NODE_EXTRA_CA_CERTS: ca })
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
