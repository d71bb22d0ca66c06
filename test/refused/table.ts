/**
 * Refused means refused: after a refusal nothing of the route runs, and the process lives, whatever the client does and whatever hooks wait for.
 * A table of places where the plugin answers by itself × ways to leave × moments, over real sockets.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify'
import entra, {
  type AuditEvent,
  auditChannelName,
  type DeniedEvent,
  DownstreamError,
  type Guard,
  type RefusedEvent,
  requirePolicy,
  requireRole
} from '../../src/plugin/index.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

/** Whoever uses the table closes it. */
export const tenant = await startTestTenant()
/** A user without any role. */
export const token = await tenant.userToken()
const forged = `${token.slice(0, -8)}AAAAAAAA`

/** What happens to one request, from both ends. */
interface Case {
  /** Makes the client leave, and resolves when the server has seen it. */
  leave: () => Promise<void>
  /** When it does. */
  readonly moment: Moment
  /** What of the route ran behind the refusal. */
  readonly ran: string[]
  /** How often it did leave. */
  left: number
}

export type Moment = 'stays' | 'while the guard decides' | 'while onSend waits'
const moments: readonly Moment[] = ['stays', 'while the guard decides', 'while onSend waits']

let current: Case

async function left(trial: Case): Promise<void> {
  await trial.leave()
  trial.left += 1
}

/** Refuses everybody, after the client has left where it is to leave by then. */
const slow = () =>
  requirePolicy('nobody', async () => {
    if (current.moment === 'while the guard decides') await left(current)
    return false
  })
const sync = requireRole('Admin')
const mark = (name: string) => async () => {
  current.ran.push(name)
}
const handler = async () => {
  current.ran.push('handler')
  return 'handled'
}

type Declared = Pick<RouteOptions, 'config' | 'onRequest' | 'preValidation' | 'preHandler'>

/** POST has a body that must not be parsed; GET is for `handlerTimeout`, which Fastify forgets once a body is read. */
const route = (app: FastifyInstance, declared: Declared = {}, run: RouteOptions['handler'] = handler) =>
  app.route({ method: ['GET', 'POST'], url: '/x', handler: run, ...declared })

export interface Place {
  readonly name: string
  readonly status: number
  readonly declare: (app: FastifyInstance) => void
  /** Left out: the user's. */
  readonly token?: string | null
  /** Where no guard decides, there is no such moment. */
  readonly isAtOnce?: true
}

const ofRoute = (hook: 'onRequest' | 'preValidation' | 'preHandler', guard: Guard) => (app: FastifyInstance) =>
  route(app, { [hook]: [guard, mark(`behind ${hook}`), guard] })

export const byHand = async (guard: Guard, request: FastifyRequest, reply: FastifyReply) => {
  // As an app's code calls it: `this` is the instance, and there is no callback.
  await guard.call(request.server, request, reply)
  current.ran.push('behind the guard')
}

export const places: readonly Place[] = [
  ...(['onRequest', 'preValidation', 'preHandler'] as const).flatMap((hook) => [
    { name: `a guard in ${hook}`, status: 403, declare: ofRoute(hook, sync), isAtOnce: true as const },
    { name: `a policy in ${hook}`, status: 403, declare: ofRoute(hook, slow()) }
  ]),
  {
    name: 'a guard in a hook of a scope',
    status: 403,
    declare: (app) => {
      app.register(async (scope) => {
        scope.addHook('preHandler', slow())
        scope.addHook('preHandler', mark('behind the scope’s hook'))
        route(scope)
      })
    }
  },
  {
    name: 'optional, and nobody',
    status: 401,
    token: null,
    isAtOnce: true,
    declare: (app) => route(app, { config: { auth: 'optional' }, preHandler: sync })
  },
  {
    name: 'awaited by hand in a hook',
    status: 403,
    declare: (app) => route(app, { preHandler: async (request, reply) => byHand(slow(), request, reply) })
  },
  {
    name: 'awaited by hand in a hook with a callback',
    status: 403,
    declare: (app) =>
      route(app, {
        preHandler: (request, reply, done) => void byHand(slow(), request, reply).then(() => done(), done)
      })
  },
  {
    name: 'awaited by hand in a handler',
    status: 403,
    declare: (app) =>
      route(app, {}, async (request, reply) => {
        await byHand(slow(), request, reply)
        return handler()
      })
  },
  {
    name: 'two by hand at once',
    status: 403,
    declare: (app) =>
      route(app, {}, async (request, reply) => {
        await Promise.all([byHand(slow(), request, reply), byHand(slow(), request, reply)])
        return handler()
      })
  },
  { name: 'no token', status: 401, token: null, isAtOnce: true, declare: (app) => route(app) },
  { name: 'a forged token', status: 401, token: forged, isAtOnce: true, declare: (app) => route(app) },
  {
    name: 'a refusal that the handler throws: TokenRefusedError',
    status: 401,
    isAtOnce: true,
    declare: (app) =>
      route(app, {}, async () => {
        await app.verifyToken(forged)
        return handler()
      })
  },
  {
    name: 'a refusal that the handler throws: DownstreamError',
    status: 401,
    isAtOnce: true,
    declare: (app) =>
      route(app, {}, async (request) => {
        const refused = await app.verifyToken(forged).catch((error) => error.refusal)
        request.log.info('about to throw')
        throw new DownstreamError(refused)
      })
  },
  {
    name: 'a guard where nothing is found',
    status: 403,
    declare: (app) => app.setNotFoundHandler({ preHandler: slow() }, handler)
  }
]

type Hooks = 'none' | 'wait, with a promise' | 'wait, with a callback' | 'wait for the guard' | 'throw'

/** What the app does with an answer that is on its way. */
function addHooks(app: FastifyInstance, hooks: Hooks): void {
  const wait = async () => {
    if (current.moment === 'while onSend waits') await left(current)
  }
  if (hooks === 'wait, with a promise') app.addHook('onSend', wait)
  if (hooks === 'wait for the guard')
    app.addHook('onSend', async () => {
      while (current.left === 0) await turn()
      await settled()
    })
  if (hooks === 'wait, with a callback')
    app.addHook('onSend', (_request, _reply, payload, done) => void wait().then(() => done(null, payload), done))
  if (hooks === 'throw')
    app.addHook('onSend', async () => {
      await wait()
      throw new Error('a hook failed')
    })
}

type Raw = FastifyReply['raw']

interface World {
  readonly app: FastifyInstance
  readonly port: number
  /** IDs of requests, as they came. */
  readonly ids: string[]
  /** Resolves with the raw response of the next request. */
  next(): Promise<Raw>
}

async function start({ place, hooks, way, plugin = entra }: Trial): Promise<World> {
  const { options, isHttp2 } = way
  const ids: string[] = []
  let waiting: ((raw: Raw) => void) | undefined
  const app = (isHttp2 ? Fastify({ ...options, http2: true } as object) : Fastify(options)) as FastifyInstance
  app.addHook('onRequest', async (request, reply) => {
    ids.push(String(request.id))
    waiting?.(reply.raw)
  })
  addHooks(app, hooks)
  await app.register(plugin, { tenantId, clientId, authority: tenant.origin, audit: 'off' })
  place.declare(app)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    app,
    ids,
    port: (app.server.address() as AddressInfo).port,
    next: () =>
      new Promise((resolve) => {
        waiting = resolve
      })
  }
}

/** The server has seen that the client is gone, and whatever that sets off has run. */
async function gone(raw: Raw): Promise<void> {
  if (!raw.closed) await once(raw, 'close')
  await settled()
}

/** The server has seen the end of what the client sends. */
async function ended(socket: Socket): Promise<void> {
  while (!socket.readableEnded && !socket.destroyed) await turn()
  await settled()
}

export async function settled(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await turn()
}

const body = JSON.stringify({ name: 'x' })
const path = (place: Place) => (place.name.includes('nothing is found') ? '/nowhere' : '/x')

function http1(port: number, place: Place, method = 'POST'): { socket: Socket; answer: Promise<string> } {
  const { token: sent = token } = place
  const socket = connect(port, '127.0.0.1')
  const answer = new Promise<string>((resolve) => {
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('error', () => resolve(received)).on('close', () => resolve(received))
  })
  const head = [
    `${method} ${path(place)} HTTP/1.1`,
    'host: localhost',
    'connection: close',
    ...(method === 'POST' ? ['content-type: application/json', `content-length: ${body.length}`] : []),
    ...(sent === null ? [] : [`authorization: Bearer ${sent}`])
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${method === 'POST' ? body : ''}`)
  return { socket, answer }
}

/** How a client leaves. */
interface Way {
  readonly name: string
  readonly isHttp2?: true
  readonly options?: object
  /** Sends the request; resolves to the status that was received, `0` for none. */
  readonly run: (world: World, place: Place) => Promise<number>
}

const statusIn = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0)

const overHttp1 =
  (depart: (socket: Socket) => void, isGone = true) =>
  async (world: World, place: Place) => {
    const replied = world.next()
    const { socket, answer } = http1(world.port, place)
    current.leave = async () => {
      depart(socket)
      // One that only closed its own side still listens, and is not gone.
      await (isGone ? gone(await replied) : ended((await replied).req.socket))
    }
    return statusIn(await answer)
  }

const overHttp2 = (depart: (session: ClientHttp2Session, stream: { close(code: number): void }) => void) => {
  return async (world: World, place: Place) => {
    const replied = world.next()
    const session = connectHttp2(`http://127.0.0.1:${world.port}`)
    session.on('error', () => {})
    const { token: sent = token } = place
    const stream = session.request({
      ':method': 'POST',
      ':path': path(place),
      'content-type': 'application/json',
      ...(sent !== null && { authorization: `Bearer ${sent}` })
    })
    let status = 0
    stream.on('response', (headers) => {
      status = Number(headers[':status'])
    })
    stream.on('error', () => {})
    stream.resume()
    const closed = once(stream, 'close').catch(() => {})
    current.leave = async () => {
      depart(session, stream)
      await gone(await replied)
    }
    stream.end(body)
    await closed
    session.destroy()
    return status
  }
}

const handlerTimeoutMs = 20

const ways: readonly Way[] = [
  { name: 'HTTP/1.1, close', run: overHttp1((socket) => socket.destroy()) },
  { name: 'HTTP/1.1, reset', run: overHttp1((socket) => socket.resetAndDestroy()) },
  { name: 'HTTP/1.1, half-close', run: overHttp1((socket) => socket.end(), false) },
  { name: 'HTTP/2, reset of the stream', isHttp2: true, run: overHttp2((_session, stream) => stream.close(8)) },
  { name: 'HTTP/2, end of the session', isHttp2: true, run: overHttp2((session) => session.destroy()) },
  {
    name: 'handlerTimeout',
    options: { handlerTimeout: handlerTimeoutMs },
    run: async (world, place) => {
      const { answer } = http1(world.port, place, 'GET')
      current.leave = () => new Promise((resolve) => setTimeout(resolve, handlerTimeoutMs * 3))
      return statusIn(await answer)
    }
  }
]

const hooksOf: Readonly<Record<Moment, readonly Hooks[]>> = {
  stays: ['none', 'throw'],
  'while the guard decides': ['none', 'wait for the guard', 'throw'],
  'while onSend waits': ['wait, with a promise', 'wait, with a callback', 'throw']
}

/** One request. */
export interface Trial {
  readonly place: Place
  readonly way: Way
  readonly moment: Moment
  readonly hooks: Hooks
  /** Another one than the library's own. */
  readonly plugin?: typeof entra
}

/** Every way and moment that makes sense at a place. */
export function trialsAt(place: Place): Trial[] {
  const possible = moments.filter((moment) => !place.isAtOnce || moment !== 'while the guard decides')
  return ways.flatMap((way) =>
    possible.flatMap((moment) => hooksOf[moment].map((hooks) => ({ place, way, moment, hooks })))
  )
}

/** What one request came to, as sentences about what is wrong. */
export async function faultsOf(trial: Trial): Promise<string[]> {
  const { place, way, moment, hooks } = trial
  current = { leave: async () => {}, moment, ran: [], left: 0 }
  const { ran } = current
  const refusals: (DeniedEvent | RefusedEvent)[] = []
  const listen = (message: unknown) => {
    const event = message as AuditEvent
    if (event.event === 'denied' || event.event === 'refused') refusals.push(event)
  }
  subscribe(auditChannelName, listen)
  const world = await start(trial)
  const status = await way.run(world, place)
  while (moment !== 'stays' && current.left === 0) await turn()
  await settled()
  await world.app.close()
  await settled()
  unsubscribe(auditChannelName, listen)
  const records = refusals.filter(({ requestId }) => world.ids.includes(String(requestId))).map(({ status }) => status)
  // Fastify has answered by itself: a record would be of an answer that nobody got.
  const isTimedOut = way.options !== undefined && moment === 'while the guard decides'
  const answered = isTimedOut ? 503 : place.status
  const isSeen = hooks === 'none' && (moment === 'stays' || isTimedOut)
  return [
    ...ran.map((name) => `${name} ran`),
    ...(records.join() === (isTimedOut ? '' : String(place.status)) ? [] : [`records: ${records.join() || 'none'}`]),
    ...(isSeen && status !== answered ? [`answered ${status}, not ${answered}`] : [])
  ]
}
