/** docs/fastify.md: the recipes for other plugins are compiled as a reader would, run, and do what the page says. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, get as httpGet } from 'node:http'
import type { AddressInfo } from 'node:net'
import { io } from 'socket.io-client'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import { RedisRevocations } from '../src/plugin/index.js'
import { startTenant, type Tenant } from '../src/tenant/index.js'
import { until } from './faults/waits.js'
import { type Answer, get } from './support/http.js'
import { clients, needsRedis, startRedis } from './support/redis.js'
import { compileSamples, pointedAt, runSamples, samplesIn, signed } from './support/samples.js'

const headings = [
  ...['Guards before the body', 'Header sizes', '@fastify/rate-limit', '@fastify/cors', '@fastify/helmet'],
  ...['@fastify/swagger-ui', '@fastify/autoload', '@fastify/under-pressure', 'mercurius', 'Server-sent events'],
  ...['@fastify/websocket', '@fastify/http-proxy'],
  ...['socket.io', '@fastify/otel']
] as const
type Heading = (typeof headings)[number]

/** A recipe that runs, and tokens for it. */
interface World {
  readonly tenant: Tenant
  readonly user: string
  readonly admin: string
  readonly reader: string
  get(heading: Heading, path: string, token?: string, init?: RequestInit): Promise<Answer>
  origin(heading: Heading): string
  /** In the Redis that the recipes use. */
  readonly revocations: RedisRevocations | undefined
  /** Origin of the recipe of under-pressure, which is under pressure. */
  readonly pressed: string
}

/** The holder of each token is another user, so that a revocation is of one. */
const users = {
  sse: '40000000-0000-4000-8000-0000000000e1',
  ws: '40000000-0000-4000-8000-0000000000e2',
  gone: '40000000-0000-4000-8000-0000000000e3'
}

/** What a recipe must have smaller, or elsewhere, for a test. */
const edits = (upstream: string, redis: string): readonly [from: string, to: string][] => [
  ['redis://127.0.0.1:6379', redis],
  ['max: 30,', 'max: 2,'],
  ['max: 100,', 'max: 2,'],
  [
    'isRevoked: revocations.isRevoked',
    `isRevoked: (principal) => (principal.id === '${users.gone}' ? gone() : revocations.isRevoked(principal))`
  ],
  [
    "app.get('/events'",
    `const seen = { asked: 0, allowed: 0 }
const gone = () => (seen.asked++, new Promise((resolve) => app.server.once('gone', () => setImmediate(resolve, false))))
app.addHook('preHandler', async ({ principalOrNull }) => void (seen.allowed += principalOrNull?.id === '${users.gone}'))
app.server.on('connection', (socket) => socket.once('close', () => app.server.emit('gone')))
const intervals = new Set()
const setInterval = (...given) => (intervals.add(globalThis.setInterval(...given)), [...intervals].at(-1))
const clearInterval = (timer) => intervals.delete(timer) && globalThis.clearInterval(timer)
app.get('/seen', { config: { auth: 'none' } }, async () => ({ ...seen, intervals: intervals.size }))
app.get('/events'`
  ],
  ['http://127.0.0.1:8080', upstream]
]

/** A message of the protocol graphql-transport-ws. */
interface Message {
  readonly type: string
  readonly payload?: object
}

/** A server that says which token it got, without the token. */
async function startUpstream(t: Test): Promise<string> {
  const server = createServer((request, response) => response.end(digestOf(request.headers.authorization)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const digestOf = (authorization = '') => createHash('sha256').update(authorization).digest('hex')

async function startRecipes(t: Test): Promise<World> {
  const page = await readFile('docs/fastify.md', 'utf8')
  const samples = headings.map((heading) => {
    const [, section = ''] = page.split(new RegExp(`\n##+ ${heading}\n`))
    return samplesIn(section.split(/\n##+ /)[0] ?? '', 'ts')
  })
  t.same(
    [...page.matchAll(/^### (.+)$/gm)].map(([, name]) => name),
    headings.slice(2),
    'each recipe is run'
  )
  const plugin = samples[headings.indexOf('@fastify/autoload')]?.shift() ?? ''
  const programs = samples.map(([sample = '']) => `${sample}export { app }\n`)
  const compiled = await compileSamples(t, [...programs, plugin])
  t.equal(compiled.said, '')
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const redis = needsRedis.skip ? undefined : await startRedis(t)
  const changes = edits(await startUpstream(t), redis?.url ?? 'redis://127.0.0.1:9')
  for (const folder of ['plugins', 'routes']) await mkdir(compiled.path(folder))
  await writeFile(compiled.path('plugins/entra.js'), pointedAt(tenant, String(compiled.programs.at(-1))))
  await writeFile(compiled.path('routes/orders.js'), "export default async (app) => void app.get('/orders', () => [])")
  const edited = (program: string) => {
    const here = changes.reduce((text, [from, to]) => text.replace(from, to), program)
    return program.includes('autoload') ? here : pointedAt(tenant, here)
  }
  const runs = compiled.programs.slice(0, -1)
  const busy = String(runs[headings.indexOf('@fastify/under-pressure')])
  const pressed = busy.replace('maxEventLoopDelay: 1000', 'maxRssBytes: 1, sampleInterval: 10')
  const addresses = await runSamples(t, { ...compiled, programs: [...runs, pressed] }, edited)
  const origin = (heading: Heading) => String(addresses[headings.indexOf(heading)])
  return {
    tenant,
    user: await signed(tenant, {}),
    admin: await signed(tenant, { roles: ['Admin'] }),
    reader: await signed(tenant, { scp: 'Orders.Read' }),
    origin,
    revocations: redis && new RedisRevocations(clients.ioredis(t, redis)),
    pressed: String(addresses.at(-1)),
    get: (heading, path, token, init) => get(origin(heading) + path, token, init)
  }
}

const recipes: [name: string, run: (t: Test, world: World) => Promise<void>, needs?: typeof needsRedis][] = []
const recipe = (...one: (typeof recipes)[number]) => void recipes.push(one)

/** The statuses of requests with these tokens, one after the other. */
const statuses = async (world: World, heading: Heading, path: string, ...tokens: (string | undefined)[]) => {
  const found: number[] = []
  for (const token of tokens) found.push((await world.get(heading, path, token)).status)
  return found
}

recipe('Guards before the body: 403 comes before 400', async (t, world) => {
  const order = (token: string | undefined, body: object) => {
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    return world.get('Guards before the body', '/orders', token, init).then(({ status }) => status)
  }
  const { user, admin } = world
  t.same([await order(undefined, {}), await order(user, {}), await order(user, { item: 'x' })], [401, 403, 403])
  t.same([await order(admin, {}), await order(admin, { item: 'x' })], [400, 200])
})

recipe('Header sizes: a token over 16 KB', async (t, world) => {
  const groups = Array.from({ length: 350 }, (_, index) => `10000000-0000-4000-8000-${String(index).padStart(12, '0')}`)
  const large = await signed(world.tenant, { groups })
  t.ok(large.length > 16 * 1024 && large.length < 31 * 1024, `${large.length} bytes`)
  t.same(await statuses(world, 'Header sizes', '/me', large), [200])
  const answer = await world.get('@fastify/cors', '/orders', large, { headers: { origin: 'https://app.example' } })
  t.same([answer.status, answer.headers.get('access-control-allow-origin')], [431, null])
})

recipe('@fastify/rate-limit: each caller has a limit, and so have refused tokens', async (t, world) => {
  const { user, tenant } = world
  const other = await signed(tenant, { oid: '40000000-0000-4000-8000-0000000000fe' })
  const requests = ['garbage', user, user, user, other, undefined, undefined, 'garbage', other, undefined]
  const expected = [401, 200, 200, 429, 200, 401, 401, 401, 429, 401]
  t.same(await statuses(world, '@fastify/rate-limit', '/orders', ...requests), expected)
  const { headers } = await world.get('@fastify/rate-limit', '/orders', user)
  t.match(headers.get('retry-after'), /^[1-6]?\d$/)
})

recipe('@fastify/cors: refusals can be read, with their headers', async (t, world) => {
  const headers = { origin: 'https://app.example' }
  const refused = await world.get('@fastify/cors', '/orders', undefined, { headers })
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('access-control-allow-origin'), headers.origin)
  t.equal(refused.headers.get('access-control-expose-headers'), 'X-Total, WWW-Authenticate, Retry-After')
  const allowed = await world.get('@fastify/cors', '/orders', world.user, { headers })
  t.equal(allowed.headers.get('access-control-expose-headers'), 'X-Total')
  const preflight = { method: 'OPTIONS', headers: { ...headers, 'access-control-request-method': 'GET' } }
  t.equal((await world.get('@fastify/cors', '/orders', undefined, preflight)).status, 204)
})

recipe('@fastify/helmet: refusals have its headers', async (t, world) => {
  for (const token of [undefined, world.user]) {
    const { headers } = await world.get('@fastify/helmet', '/orders', token)
    t.match(headers.get('strict-transport-security'), /max-age=/)
  }
})

recipe('@fastify/swagger-ui: the page and the document are public, routes are not', async (t, world) => {
  for (const path of ['/docs', '/docs/json', '/docs/static/swagger-ui.css'])
    t.same(await statuses(world, '@fastify/swagger-ui', path, undefined), [200], path)
  const document = JSON.parse((await world.get('@fastify/swagger-ui', '/docs/json')).body)
  t.ok(document.paths['/orders'].get.security)
  t.same(await statuses(world, '@fastify/swagger-ui', '/orders', undefined, world.reader), [401, 200])
  t.same(await statuses(world, '@fastify/swagger-ui', '/nowhere', undefined), [401])
})

recipe('@fastify/autoload: the plugin protects routes of other files', async (t, world) => {
  t.same(await statuses(world, '@fastify/autoload', '/orders', undefined, world.user), [401, 200])
})

recipe('@fastify/under-pressure: the status is public, and 503 comes before a token is read', async (t, world) => {
  const { pressed, user } = world
  const heading = '@fastify/under-pressure'
  t.same(await statuses(world, heading, '/status', undefined), [200])
  t.same(await statuses(world, heading, '/orders', undefined, user), [401, 200])
  while ((await get(`${pressed}/status`)).status !== 503) await new Promise((resolve) => setTimeout(resolve, 20))
  for (const token of [user, 'garbage', undefined]) t.equal((await get(`${pressed}/orders`, token)).status, 503)
})

recipe('mercurius: a guard for the route, and resolvers that decide by the principal', async (t, world) => {
  const query = async (text: string, token?: string) => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: text })
    }
    const { status, body } = await world.get('mercurius', '/graphql', token, init)
    return { status, body: JSON.parse(body) }
  }
  const { reader, user, tenant } = world
  t.equal((await query('{ me }')).status, 401)
  t.match(await query('{ me }', user), { status: 403, body: { code: 'insufficient_permissions' } })
  t.match(await query('{ me }', reader), {
    status: 200,
    body: { data: { me: '40000000-0000-4000-8000-0000000000ff' } }
  })
  t.match((await query('{ admins }', reader)).body.errors, [
    {
      message: 'This route requires the role Admin, held by a user; the token does not satisfy that.',
      path: ['admins']
    }
  ])
  const admin = await signed(tenant, { scp: 'Orders.Read', roles: ['Admin'] })
  t.match(await query('{ admins }', admin), { status: 200, body: { data: { admins: [] } } })
  const subscribed = async (token: string) => {
    const socket = new WebSocket(`${world.origin('mercurius').replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      headers: { authorization: `Bearer ${token}` }
    })
    socket.on('error', () => {})
    t.teardown(() => socket.terminate())
    const received: Message[] = []
    socket.on('message', (data) => received.push(JSON.parse(String(data))))
    const next = (...types: string[]) => received.find(({ type }) => types.includes(type))
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init' }))
    await until('the connection is acknowledged', () => next('connection_ack') !== undefined)
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: 'subscription { ordered }' } }))
    return () => next('error', 'next')
  }
  const refused = await subscribed(reader)
  await until('an answer to the subscription', () => refused() !== undefined)
  t.match(refused(), { payload: [{ message: /the scope .*Orders.Watch/ }] })
  const answer = await subscribed(await signed(tenant, { scp: 'Orders.Read Orders.Watch' }))
  // A subscription that begins is not acknowledged: orders made before it are not published to it.
  await until('an order is published', async () => {
    await query('mutation { order(item: "tea") }', reader)
    return answer() !== undefined
  })
  t.match(answer(), { payload: { data: { ordered: 'tea' } } })
})

recipe(
  'Server-sent events: a stream ends when its user is revoked',
  async (t, world) => {
    const { tenant, user, origin, revocations } = world
    const heading = 'Server-sent events'
    t.same(await statuses(world, heading, '/events', undefined, user), [401, 403])
    const token = await signed(tenant, { scp: 'Orders.Read', oid: users.sse })
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${origin(heading)}/events`, { headers })
    t.equal(response.headers.get('content-type'), 'text/event-stream')
    let received = ''
    const ended = (async () => {
      for await (const chunk of response.body ?? []) received += Buffer.from(chunk).toString()
    })()
    await until('the first event', () => received.includes(users.sse))
    await revocations?.revoke({ tenantId: tenant.tenantId, id: users.sse })
    await ended
    t.match(received, 'event: end\ndata: {"code":"token_revoked"}')
  },
  needsRedis
)

recipe(
  'Server-sent events: a client that goes while revocation is looked up leaves no timer',
  async (t, world) => {
    const heading = 'Server-sent events'
    const seen = async () => JSON.parse((await world.get(heading, '/seen')).body) as Record<string, number>
    const { intervals } = await seen()
    const authorization = `Bearer ${await signed(world.tenant, { scp: 'Orders.Read', oid: users.gone })}`
    const request = httpGet(`${world.origin(heading)}/events`, { agent: false, headers: { authorization } })
    request.on('error', () => {})
    await until('the lookup', async () => (await seen()).asked === 1)
    request.destroy()
    await until('the handler', async () => (await seen()).allowed === 1)
    t.equal((await seen()).intervals, intervals)
  },
  needsRedis
)

recipe(
  '@fastify/websocket: 4401 when the user is revoked, each message is authorized, and a new token replaces the old one',
  async (t, world) => {
    const { tenant, user, origin, revocations } = world
    const heading = '@fastify/websocket'
    t.same(await statuses(world, heading, '/orders', undefined, user), [401, 403])
    const connect = async (claims: object) => {
      const token = await signed(tenant, { scp: 'Orders.Read', ...claims })
      const headers = { authorization: `Bearer ${token}` }
      const socket = new WebSocket(`${origin(heading).replace('http', 'ws')}/orders`, { headers })
      t.teardown(() => socket.terminate())
      await once(socket, 'message')
      const say = async (text: string) => {
        socket.send(text)
        return String((await once(socket, 'message'))[0])
      }
      return { socket, say, closed: once(socket, 'close').then(([code, reason]) => `${code} ${reason}`) }
    }
    const reader = await connect({ oid: users.ws })
    const admin = await connect({ roles: ['Admin'] })
    t.match(await reader.say('cancel 1'), /^This route requires the role Admin/)
    t.equal(await admin.say('cancel 1'), 'cancelled 1')
    const renew = async (claims: object) => `renew ${await signed(tenant, { scp: 'Orders.Read', ...claims })}`
    t.match(await reader.say(await renew({ roles: ['Admin'] })), /another caller/)
    t.equal(await reader.say(await renew({ oid: users.ws, roles: ['Admin'] })), 'renewed')
    t.equal(await reader.say('cancel 1'), 'cancelled 1', 'by the new token')
    await revocations?.revoke({ tenantId: tenant.tenantId, id: users.ws })
    t.match(await reader.say('cancel 2'), /^The token was revoked/, 'at once, for what is authorized')
    t.equal(await reader.closed, '4401 token_revoked')
    t.equal(admin.socket.readyState, WebSocket.OPEN)
  },
  needsRedis
)

recipe('@fastify/http-proxy: requests and upgrades are guarded, and the upstream gets the token', async (t, world) => {
  const { user, reader, get, origin } = world
  t.same(await statuses(world, '@fastify/http-proxy', '/orders/1', undefined, user, reader), [401, 403, 200])
  t.equal((await get('@fastify/http-proxy', '/orders/1', reader)).body, digestOf(`Bearer ${reader}`))
  for (const [token, status] of [
    [undefined, 401],
    [user, 403]
  ] as const) {
    const headers = token ? { authorization: `Bearer ${token}` } : {}
    const socket = new WebSocket(`${origin('@fastify/http-proxy').replace('http', 'ws')}/orders/ws`, { headers })
    const answered = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode)).on('error', () => {})
    })
    socket.terminate()
    t.equal(answered, status)
  }
})

recipe('socket.io: only a caller with a token is connected', async (t, world) => {
  const say = async (auth: object) => {
    const socket = io(world.origin('socket.io'), {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth
    })
    const said = await new Promise((resolve) => {
      socket.on('hello', resolve).on('connect_error', ({ message }) => resolve(message))
    })
    socket.disconnect()
    return said
  }
  t.equal(await say({ token: world.user }), '40000000-0000-4000-8000-0000000000ff')
  t.same([await say({}), await say({ token: 'garbage' })], ['token_malformed', 'token_malformed'])
})

recipe('@fastify/otel: it starts with strictRoutes, and the guard decides', async (t, world) => {
  t.same(await statuses(world, '@fastify/otel', '/orders', undefined, world.user, world.reader), [401, 403, 200])
})

t.test('every recipe compiles, runs, and does what the page says', async (t) => {
  const world = await startRecipes(t)
  for (const [name, run, needs = {}] of recipes) await t.test(name, needs, (t) => run(t, world))
})
