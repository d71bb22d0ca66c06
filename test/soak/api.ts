/**
 * The API of a soak, as a process of its own: the routes of the corpus, one that calls another API for its caller, and an event stream. It answers
 * questions of its parent, see `settings.ts`.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Redis } from 'ioredis'
import * as plugin from '../../src/plugin/index.js'
import * as problems from '../../src/server/problems.js'
import * as logging from '../../src/server/process/logging.js'
import { listen, optionsOf } from '../hostile/server.js'
import { secret } from '../support/token-endpoint.js'
import type { Answers, ApiSettings, Defect, Question } from './settings.js'

const settings = JSON.parse(process.env.SOAK_API ?? '{}') as ApiSettings
const has = (defect: Defect) => settings.defects.includes(defect)
const warnings: string[] = []
process.on('warning', (warning) => void warnings.push(String(warning)))
process.on('unhandledRejection', (reason) => void warnings.push(`unhandled: ${String(reason)}`))
process.on('disconnect', () => process.exit(1))

const errors: Record<string, number> = {}
/** Reads the log and keeps none of it. */
const log = new Writable({
  write(line, _encoding, done) {
    const { level, msg } = JSON.parse(String(line)) as { level: number; msg: string }
    if (level >= 50) errors[msg] = (errors[msg] ?? 0) + 1
    done()
  }
})

const redis = new Redis(settings.redisUrl)
redis.on('error', () => {})
const revocations = new plugin.RedisRevocations(redis, { timeoutSeconds: 5 })

const isRevoked: plugin.IsRevoked = async (principal) => {
  if (has('fail-open')) return revocations.isRevoked(principal).catch(() => false)
  const answer = await revocations.isRevoked(principal)
  return answer && !has('revocation')
}

/** As quick to notice as the options allow, and small caches: they are full after the first minute, and what grows then is a leak. */
const timings = { keysRefreshSeconds: 2, keysCooldownSeconds: 1, keysTimeoutSeconds: 5, tokenCache: { maxTokens: 300 } }
const options = optionsOf(settings, timings)
const sources = { plugin, problems, logging }
const revocable = { isRevoked, downstream: { clientSecret: secret, maxTokens: 100 } }

const streams = new Set<FastifyReply>()
/** Whether anything still holds them is what the garbage collector says. */
const signals = new Set<WeakRef<AbortSignal>>()

function openStream(request: FastifyRequest, reply: FastifyReply): void {
  const { principalSignal: signal } = request
  signals.add(new WeakRef(signal))
  reply.hijack()
  if (reply.raw.destroyed) return // the client went while revocation was looked up: no `close` comes any more
  streams.add(reply)
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
  const send = (event: string, data: unknown) => reply.raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  send('hello', request.principal.id)
  const timer = setInterval(() => send('time', Date.now()), 1000)
  reply.raw.once('close', () => {
    if (!has('timers')) clearInterval(timer)
    streams.delete(reply)
  })
  const end = (code: unknown) => {
    send('end', { code })
    reply.raw.end()
  }
  signal.addEventListener('abort', () => end(signal.reason.code))
  if (has('stream')) setTimeout(() => end('token_expired'), 1000)
}

let lastToken = ''
/** Whoever is caller decides what the other API is sent. */
async function photo(request: FastifyRequest) {
  const token = await request.onBehalfOf('api://photos/Read')
  const sent = has('on-behalf-of') && lastToken ? lastToken : token
  lastToken = token
  const answer = await fetch(settings.downstream, { headers: { authorization: `Bearer ${sent}` } })
  return { id: request.principal.id, downstream: await answer.json() }
}

const routes = (app: FastifyInstance) => {
  app.get('/events', openStream)
  app.get('/photo', photo)
}

const started = await Promise.all([
  listen(sources, log, { ...options.entra, ...revocable }, 'entra', { routes }),
  listen(sources, log, options.oidc, 'oidc')
])
const [entra, oidc] = started
const apps = started.map(({ app }) => app)

const loop = monitorEventLoopDelay({ resolution: 10 })
loop.enable()

const connectionsOf = ({ server }: FastifyInstance) =>
  new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))

function resourcesByKind(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Twice: what a finalizer lets go is collected by the next one. */
async function collectGarbage(): Promise<void> {
  for (let time = 0; time < 2; time += 1) {
    global.gc?.()
    await sleep(10)
  }
}

const answers: { readonly [Q in Question]: () => Promise<Answers[Q]> } = {
  async sample() {
    const { rss, heapUsed } = process.memoryUsage()
    const counts = await Promise.all(apps.map(connectionsOf))
    const loopP99 = loop.percentile(99) / 1e6
    loop.reset()
    const sockets = counts.reduce((sum, count) => sum + count, 0)
    return { rss, heapUsed, resources: resourcesByKind(), sockets, streams: streams.size, loopP99 }
  },
  async status() {
    const { issuers } = entra.app.entra
    const v2 = issuers.find(({ issuer }) => issuer?.endsWith('/v2.0'))?.state ?? 'cold'
    return { v2, all: apps.flatMap((app) => app.entra.issuers.map(({ state }) => state)) }
  },
  complaints: async () => ({ errors, warnings }),
  async settle() {
    await collectGarbage()
    for (const each of signals) if (!each.deref()) signals.delete(each)
    return { signals: signals.size, heapUsed: process.memoryUsage().heapUsed }
  },
  async close() {
    await Promise.all(apps.map((app) => app.close()))
    redis.disconnect()
    return true
  }
}

process.on('message', async ({ id, question }: { id: number; question: Question }) => {
  const answer = await answers[question]()
  process.send?.({ id, answer }, () => question === 'close' && leave())
})

/** From here on the process ends by itself, or a handle was left. */
function leave(): void {
  process.removeAllListeners('disconnect')
  process.disconnect()
}

process.send?.({ id: 0, answer: { entra: entra.port, oidc: oidc.port } })
