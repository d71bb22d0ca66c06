/** What happens to the API's surroundings. Each event ends when the API has noticed that it is over. */
import type { RequestListener } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../faults/faults.js'
import { send } from '../faults/faults.js'
import { until } from '../faults/waits.js'
import { tokenPath } from '../support/token-endpoint.js'
import { type Credential, newKey, type SoakKey } from './callers.js'
import { ask } from './client.js'
import type { Weather } from './history.js'
import type { Documents, Planned } from './plan.js'
import type { SoakRecord } from './record.js'
import type { Stage } from './stage.js'

type Of<K extends Planned['kind']> = Extract<Planned, { readonly kind: K }>

/** What the faults need of a tenant: the documents that they would get through with do not matter here. */
const lane = {
  discoveryDocument: () => ({ issuer: '', jwks_uri: '' }),
  published: () => [],
  other: { origin: 'http://127.0.0.1:1' }
}

/** What chooses among users. */
export interface Choice {
  one<T>(all: readonly T[]): T
  /** Tokens with an open stream; their users are revoked as often as others. */
  openStreams(): readonly Credential[]
}

export class Events {
  readonly #stage: Stage
  readonly #record: SoakRecord
  readonly #choice: Choice
  #turn = 1

  constructor(stage: Stage, record: SoakRecord, choice: Choice) {
    this.#stage = stage
    this.#record = record
    this.#choice = choice
  }

  /** Resolves once it is over, and noticed. */
  async run(event: Planned): Promise<void> {
    switch (event.kind) {
      case 'rotation':
        return this.#rotate()
      case 'revocation':
        return this.#revoke()
      case 'outage':
        return this.#outage(event)
      default:
        return this.#storeFails(event)
    }
  }

  /** A new key beside the one that is in use, and the older one goes. */
  async #rotate(): Promise<void> {
    const { keys, weather, publish } = this.#stage
    this.#turn += 1
    const key = await newKey(`turn-${this.#turn}`, 'announced')
    if (weather.tenant.now === 'down') key.state.set('hidden')
    const old = keys.shift()
    keys.push(key)
    old?.state.set('leaving')
    publish()
    this.#record.event('rotation', key.kid)
    await Promise.all([this.#becomes(key, '200', 'held'), old && this.#leaves(old)])
  }

  async #leaves(old: SoakKey): Promise<void> {
    await this.#becomes(old, '401 unknown_key', 'gone')
    this.#stage.gone = old
  }

  async #becomes(key: SoakKey, outcome: string, state: 'held' | 'gone'): Promise<void> {
    await until(`key ${key.kid} to be ${state}`, async () => (await this.#probe(key)) === outcome)
    key.state.set(state)
  }

  /** A new token, asked for once a fifth of a second: nobody knows it. */
  async #probe(key = this.#stage.callers.main): Promise<string> {
    await sleep(200)
    return (await ask(this.#stage, '/me', this.#stage.callers.signIn({ key }).token)).outcome
  }

  async #outage({ fault, seconds, documents }: Of<'outage'>): Promise<void> {
    const { weather, world, setFaults, keys } = this.#stage
    this.#record.event('outage', `${fault.name}, ${documents}`)
    this.#both('changing')
    if (fault.answer) setFaults(this.#faultsOf(fault, documents))
    else await world.tenant.close()
    try {
      await until('the outage to be noticed', async () => (await this.#stage.api.ask('status')).v2 === 'stale')
      this.#both('down')
      await sleep(seconds * 1000)
    } finally {
      this.#both('changing')
      for (const { state } of keys) if (state.now === 'hidden') state.set('announced')
      setFaults(new Map())
      if (!fault.answer) await world.tenant.listen()
    }
    await until('the tenant to be back', async () =>
      (await this.#stage.api.ask('status')).all.every((each) => each === 'fresh')
    )
    weather.tenant.set('up')
    await until('tokens to be exchanged', () => this.#exchanges())
    weather.tokens.set('up')
    this.#record.event('tenant back')
  }

  /** Whether the token endpoint is asked for somebody whom it does not know, and answers. */
  async #exchanges(): Promise<boolean> {
    await sleep(200)
    return (await ask(this.#stage, '/photo', this.#stage.callers.signIn().token)).outcome === '200'
  }

  #both(weather: Weather): void {
    this.#stage.weather.tenant.set(weather)
    this.#stage.weather.tokens.set(weather)
  }

  #faultsOf({ answer }: Fault, documents: Documents): ReadonlyMap<string, RequestListener> {
    const { paths } = this.#stage.world.tenant
    const chosen = [
      ...(documents === 'keys' ? [] : [paths.discovery, paths.v1Discovery]),
      ...(documents === 'discovery' ? [] : [paths.keys, paths.v1Keys])
    ]
    const listener = answer?.(lane as never) ?? send(500)
    return new Map<string, RequestListener>([
      ...chosen.map((path) => [path, listener] as const),
      [tokenPath, send(500)]
    ])
  }

  async #storeFails({ way, seconds }: Of<'redis'>): Promise<void> {
    const { redis, weather } = this.#stage
    this.#record.event(way === 'kill' ? 'Redis killed' : 'Redis halted')
    weather.redis.set('changing')
    if (way === 'kill') await redis.kill()
    else redis.halt()
    try {
      await until('Redis to be missed', async () => (await this.#probe()).startsWith('503'))
      weather.redis.set('down')
      await sleep(seconds * 1000)
    } finally {
      weather.redis.set('changing')
      if (way === 'kill') await redis.start()
      else redis.goOn()
    }
    await until('Redis to be used again', async () => (await this.#probe()) === '200')
    weather.redis.set('up')
    this.#record.event('Redis back')
  }

  /** Of any user, or of one with an open stream. While Redis is down it is repeated, as docs/revocation.md says. */
  async #revoke(): Promise<void> {
    const { callers, revocations, world } = this.#stage
    const open = this.#choice.openStreams().filter(({ user }) => !callers.isAway(user))
    const user = open.length > 0 ? this.#choice.one([this.#choice.one(open).user, callers.user()]) : callers.user()
    const tenantId = String(world.user().tid)
    this.#record.event('revocation')
    const revoke = async (): Promise<Date> => {
      try {
        return await revocations.revoke({ tenantId, id: user })
      } catch {
        await sleep(200)
        return revoke()
      }
    }
    await callers.revoke(user, revoke)
  }
}
