/**
 * A process with an API that leaks on purpose, in one way or, with `all`, in each in turn; `canary.test.ts` sees that it is noticed. With
 * `parent` before the way it starts a second one that leaks, kills it, and would end with status 0 itself.
 */
import { spawn } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import entra from '../../src/plugin/index.js'
import { get } from './http.js'
import { clientId, startTestTenant, tenantId } from './tenant.js'

const [way = '', ...others] = process.argv.slice(2)

/** Eight characters of the payload. */
const piece = (text: string) => String(/eyJ[\w-]+\.([\w-]+)/.exec(text)?.[1]).slice(20, 28)
const pieceOf = ({ headers }: { headers: { authorization?: string | undefined } }) =>
  piece(String(headers.authorization))

interface Leak {
  readonly options?: object
  readonly audit?: 'all' | 'refusals'
  readonly routes?: (app: FastifyInstance, token: string) => void
  /** Default: one request over HTTP. */
  readonly call?: (app: FastifyInstance, token: string) => unknown
}

const inject = (app: FastifyInstance, token: string) =>
  app.inject({ url: '/', headers: { authorization: `Bearer ${token}` } })

const overHttp = (app: FastifyInstance, token: string) => get(`${app.listeningOrigin}/`, token)

/** A logger that is not pino's. */
const ownLogger = () => {
  const silent = () => {}
  const log = { level: 'info', trace: silent, debug: silent, info: silent, warn: silent, error: silent, fatal: silent }
  return { ...log, silent, child: ownLogger }
}

const answerWith = (answer: (token: string) => object): Leak => ({
  routes: (app) => app.get('/', async (request, reply) => reply.headers(answer(pieceOf(request))).send('ok'))
})

const leaks: Record<string, Leak> = {
  nothing: { routes: (app) => app.get('/', async () => 'ok') },
  line: {
    routes: (app) => app.get('/', async (request) => request.log.info({ a: [pieceOf(request)] }, 'a line') ?? 'ok')
  },
  'line of inject': {
    routes: (app) => app.get('/', async (request) => request.log.info(pieceOf(request)) ?? 'ok'),
    call: inject
  },
  'line of another logger': {
    options: { logger: false, loggerInstance: ownLogger() },
    routes: (app) => app.get('/', async (request) => request.log.info({ a: pieceOf(request) }) ?? 'ok')
  },
  print: {
    routes: (app) => app.get('/', async (request) => process.stdout.write(`${pieceOf(request)}\n`) && 'ok')
  },
  channel: {
    routes: (app) =>
      app.get('/', async (request) => channel('fastify-entra.some').publish({ a: { b: pieceOf(request) } }) ?? 'ok')
  },
  header: answerWith((part) => ({ 'x-part': part })),
  body: { routes: (app) => app.get('/', async (request) => ({ part: pieceOf(request) })) },
  'body of inject': { routes: (app) => app.get('/', async (request) => ({ part: pieceOf(request) })), call: inject },
  'body in two pieces': {
    routes: (app) =>
      app.get('/', async (request, reply) => {
        reply.hijack()
        reply.raw.write(pieceOf(request).slice(0, 4))
        reply.raw.end(pieceOf(request).slice(4))
      })
  },
  'status line': {
    routes: (app) =>
      app.get('/', async (request, reply) => {
        reply.raw.statusMessage = pieceOf(request)
        return 'ok'
      })
  },
  'HTTP/2': {
    options: { http2: true },
    routes: (app) => app.get('/', async (request) => ({ part: pieceOf(request) })),
    call: async (app, token) => {
      const { connect } = await import('node:http2')
      const session = connect(app.listeningOrigin)
      const stream = session.request({ ':path': '/', authorization: `Bearer ${token}` })
      stream.resume().end()
      await once(stream, 'close')
      session.close()
    }
  },
  'no request': {
    options: {
      clientErrorHandler: (error: { rawPacket?: Buffer }, socket: NodeJS.WritableStream) =>
        socket.end(`HTTP/1.1 400 ${piece(String(error.rawPacket))}\r\n\r\n`)
    },
    call: async (app, token) => {
      const socket = connect(Number(new URL(app.listeningOrigin).port), '127.0.0.1')
      socket.end(`GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\u0001\r\n\r\n`)
      socket.resume()
      await once(socket, 'close')
    }
  },
  error: {
    routes: (app) =>
      app.get('/', async (request) => {
        throw new Error('failed', { cause: { part: pieceOf(request) } })
      })
  },
  'error of verifyToken': {
    audit: 'all',
    call: async (app, token) => {
      Object.assign(app.log, {
        info: () => {
          throw new Error(piece(token))
        }
      })
      await app.verifyToken(token).catch(() => {})
    }
  },
  uncaught: {
    call: async (app, token) => {
      await inject(app, token)
      setImmediate(() => {
        throw new Error(piece(token))
      })
      await new Promise(() => {})
    }
  }
}

const tenant = await startTestTenant()

async function leak({ options, audit = 'refusals', routes, call = overHttp }: Leak): Promise<void> {
  const app = Fastify({ logger: true, ...options })
  await app.register(entra, { tenantId, clientId, authority: tenant.origin, audit })
  const token = await tenant.userToken()
  routes?.(app, token)
  await app.listen({ host: '127.0.0.1', port: 0 })
  await call(app, token)
}

/** Where each way was noticed, by what the canary has written meanwhile. */
async function leakInAllWays(): Promise<Record<string, string>> {
  const file = String(process.env.FASTIFY_ENTRA_CANARY)
  const written = async () => (existsSync(file) ? readFile(file, 'utf8') : '')
  const noticed: Record<string, string> = {}
  for (const [name, one] of Object.entries(leaks)) {
    const before = await written()
    if (one !== leaks.uncaught) await leak(one)
    noticed[name] = (await written()).slice(before.length)
  }
  return noticed
}

if (way === 'parent') {
  const child = spawn(process.execPath, [...process.execArgv, String(process.argv[1]), ...others], {
    env: { PATH: process.env.PATH }, // as some tests run programs: without anything of the parent's
    stdio: ['ignore', 'pipe', 'ignore']
  })
  for await (const text of child.stdout) if (String(text).includes('done')) break
  child.kill('SIGKILL')
  await tenant.close()
} else {
  if (way === 'all') process.stdout.write(`\n${JSON.stringify(await leakInAllWays())}\n`)
  else await leak(leaks[way] ?? {})
  process.stdout.write('done\n')
  process.exit()
}
