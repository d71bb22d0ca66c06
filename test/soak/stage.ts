/** All that a soak needs around the API: its tenant with a token endpoint, the API that it calls, Redis, and the users. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { RedisRevocations } from '../../src/plugin/index.js'
import { startWorld, type World } from '../hostile/world.js'
import { closing, startRedis, type TestRedis } from '../support/redis.js'
import { granted, serveTokens, tokenPath } from '../support/token-endpoint.js'
import { Callers, newKey, type SoakKey } from './callers.js'
import { History, type Weather } from './history.js'
import { ApiProcess } from './process.js'
import type { Random } from './random.js'
import type { Defect } from './settings.js'

/** Seconds; the last minute of a token is not used, so that each is exchanged again soon. */
const exchangedTokenLives = 75

/** For whom a token was exchanged, and which of the user's tokens, as the other API reads it. */
export const exchangedFor = (user: string, token: string) =>
  `${user}.${createHash('sha256').update(token).digest('hex').slice(0, 16)}`

export interface Stage {
  readonly world: World
  readonly api: ApiProcess
  readonly redis: TestRedis
  readonly callers: Callers
  readonly revocations: RedisRevocations
  readonly weather: Readonly<Record<'tenant' | 'tokens' | 'redis', History<Weather>>>
  /** The keys that are published beside the one that stays, the latest last, and the one that left last. */
  readonly keys: SoakKey[]
  gone: SoakKey | undefined
  /** What the tenant does in place of an answer, by path. */
  setFaults(faults: ReadonlyMap<string, RequestListener>): void
  /** Publishes {@link Stage.keys}. */
  publish(): void
  /** Drops connections that nobody uses, of the tenant and of the other API. */
  dropConnections(): Promise<void>
  close(): Promise<void>
}

/** Says whose token it got. */
async function startDownstream() {
  const server = createServer((request, response) => {
    const [, user, digest] = /^Bearer for\.([^.]+)\.([^.]+)\./.exec(request.headers.authorization ?? '') ?? []
    response.setHeader('content-type', 'application/json')
    setTimeout(() => response.end(JSON.stringify({ token: `${user}.${digest}` })), 5)
  })
  server.keepAliveTimeout = 600_000 // on a busy machine it would close connections that the API is about to use
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

/** The tenant exchanges tokens, and names in each new one whose it is. */
function exchangeTokens(world: World): void {
  let count = 0
  const { forms } = serveTokens(world.tenant, (form) => {
    forms.length = 0 // an hour of them is nothing to keep
    count += 1
    const token = form.get('assertion') ?? ''
    const { oid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { oid: string }
    return granted(`for.${exchangedFor(oid, token)}.${count}`, exchangedTokenLives)
  })
}

/** Faults in place of the tenant's answers, whatever it publishes meanwhile. */
function faultsOf({ tenant }: World) {
  const own = new Map<string, RequestListener | undefined>()
  const lift = () => {
    for (const [path, listener] of own)
      if (listener) tenant.answers.set(path, listener)
      else tenant.answers.delete(path)
    own.clear()
  }
  let now: ReadonlyMap<string, RequestListener> = new Map()
  const set = (faults: ReadonlyMap<string, RequestListener>) => {
    lift()
    now = faults
    for (const [path, fault] of faults) {
      own.set(path, tenant.answers.get(path))
      tenant.answers.set(path, fault)
    }
  }
  /** Does something to the tenant's own answers. */
  const beneath = (change: () => void) => {
    const faults = now
    set(new Map())
    change()
    set(faults)
  }
  return { set, beneath }
}

/** With a log on disk, so that no restart undoes a revocation, as docs/revocation.md says. */
async function startStore(undo: Undo) {
  const dir = mkdtempSync(join(tmpdir(), 'fastify-entra-soak-'))
  undo.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const redis = await startRedis(undo, '--dir', dir, '--appendonly', 'yes', '--appendfsync', 'always')
  const client = closing(undo, new Redis(redis.url))
  return { redis, revocations: new RedisRevocations(client, { timeoutSeconds: 5 }) }
}

/** What has to be undone at the end, the latest first. */
class Undo {
  readonly #actions: (() => unknown)[] = []
  teardown = (action: () => unknown) => void this.#actions.unshift(action)
  async all(): Promise<void> {
    for (const action of this.#actions.splice(0)) await action()
  }
}

export async function startStage(random: Random, defects: readonly Defect[]): Promise<Stage> {
  const undo = new Undo()
  try {
    return await build(undo, random, defects)
  } catch (error) {
    await undo.all()
    throw error
  }
}

async function build(undo: Undo, random: Random, defects: readonly Defect[]): Promise<Stage> {
  const world = await startWorld()
  undo.teardown(() => world.close())
  const downstream = await startDownstream()
  undo.teardown(() => {
    downstream.server.close()
    downstream.server.closeAllConnections()
  })
  const { redis, revocations } = await startStore(undo)
  exchangeTokens(world)
  const keys = [await newKey('turn-0', 'announced'), await newKey('turn-1', 'announced')]
  const { set, beneath } = faultsOf(world)
  const publish = () => beneath(() => world.publish(false, Object.fromEntries(keys.map(({ kid, key }) => [kid, key]))))
  publish()
  const settings = { authority: world.tenant.origin, issuer: world.provider.issuer, redisUrl: redis.url }
  const api = await ApiProcess.start({ ...settings, downstream: downstream.url, defects })
  undo.teardown(() => api.kill())
  const weather = { tenant: upNow(), tokens: upNow(), redis: upNow() }
  const dropConnections = async () => {
    downstream.server.closeIdleConnections()
    await world.tenant.close()
    await world.tenant.listen()
  }
  return {
    ...{ world, api, redis, revocations, callers: new Callers(world, random), weather, keys, gone: undefined },
    ...{ setFaults: set, publish, dropConnections, close: () => undo.all() }
  }
}

const upNow = () => new History<Weather>('up')

export { tokenPath }
