/**
 * A tenant under control for one case at a time, and what is asked of it: real HTTP by the plugin's own client, on a
 * clock that stands still. A lane is used again, as its keys take long to make.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWK } from 'jose'
import { Issuer } from '../../src/plugin/issuers/issuer.js'
import type { KeyTimings } from '../../src/plugin/keys/timings.js'
import type { FetchJson } from '../../src/plugin/lib/json-client.js'
import { createJsonClient, type JsonClient } from '../../src/plugin/lib/json-client.js'
import { isRefusal } from '../../src/plugin/refusals/refusal.js'
import { FakeClock, settle } from '../support/clock.js'
import { type RecordingLogger, recordingLogger } from '../support/log.js'
import { profile } from '../support/profile.js'
import { type SigningKey, signingKey, startTestTenant, type TestTenant, tenantId } from '../support/tenant.js'
import type { Fault } from './faults.js'

export type Version = '1.0' | '2.0'
export type Target = 'discovery' | 'keys'

/** The defaults: an hour, half a minute, a day. */
export const defaults: KeyTimings = { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 }

/** Nothing listens there. */
const closedPort = 1

/** What a request with this `kid` is told: `key`, or the status of its refusal. */
export type Outcome = 'key' | number

export function outcome(found: unknown): Outcome {
  return isRefusal(found) ? found.status : 'key'
}

/** Another host, which has the tenant's own documents to offer. Nobody may ask for them. */
export interface OtherHost {
  readonly origin: string
  readonly host: string
  requests: number
}

/** An issuer under test. */
export interface Subject {
  readonly issuer: Issuer
  readonly clock: FakeClock
  readonly log: RecordingLogger
  /** How many fetches began. */
  readonly fetches: () => number
  /** How many are under way. */
  readonly underWay: () => number
  readonly idle: () => Promise<void>
  readonly ask: (kid: string) => Promise<Outcome>
  readonly begin: (fault: Fault, target: Target) => void
  readonly end: () => void
}

export class Lane {
  readonly tenant: TestTenant
  readonly other: OtherHost
  readonly #otherServer: Server
  readonly #keys: ReadonlyMap<string, SigningKey>
  /** One patient client, and one for faults that only the deadline ends. */
  readonly #patient: JsonClient = createJsonClient(10)
  readonly #short: JsonClient = createJsonClient(0.1)
  version: Version = '2.0'
  #isGone = false

  private constructor(tenant: TestTenant, otherServer: Server, keys: ReadonlyMap<string, SigningKey>) {
    this.tenant = tenant
    this.#otherServer = otherServer
    this.#keys = keys
    const host = `127.0.0.1:${(otherServer.address() as AddressInfo).port}`
    this.other = { host, origin: `http://${host}`, requests: 0 }
    otherServer.on('request', (_request, response) => {
      this.other.requests += 1
      response.end(JSON.stringify({ ...this.discoveryDocument(), keys: this.published() }))
    })
  }

  static async open(keys: ReadonlyMap<string, SigningKey>): Promise<Lane> {
    const otherServer = createServer()
    otherServer.listen(0, '127.0.0.1')
    const [tenant] = await Promise.all([startTestTenant(), once(otherServer, 'listening')])
    return new Lane(tenant, otherServer, keys)
  }

  get issuer(): string {
    return this.version === '2.0' ? `${this.tenant.origin}/${tenantId}/v2.0` : `${this.tenant.origin}/${tenantId}/`
  }

  get discoveryPath(): string {
    return this.version === '2.0' ? this.tenant.paths.discovery : this.tenant.paths.v1Discovery
  }

  get keysPath(): string {
    return this.version === '2.0' ? this.tenant.paths.keys : this.tenant.paths.v1Keys
  }

  discoveryDocument(): { issuer: string; jwks_uri: string } {
    return { issuer: this.issuer, jwks_uri: this.tenant.origin + this.keysPath }
  }

  key(kid: string): SigningKey {
    const key = this.#keys.get(kid)
    if (!key) throw new Error(`no key ${kid}`)
    return key
  }

  jwk(kid: string): JWK {
    return this.key(kid).jwk
  }

  /** What a healthy tenant publishes: key-1 and key-2. */
  published(): JWK[] {
    return this.tenant.keys
  }

  /** As new. */
  reset(version: Version): void {
    this.version = version
    this.tenant.answers.clear()
    this.tenant.requests.length = 0
    this.tenant.keys = [this.jwk('key-1'), this.jwk('key-2')]
    this.other.requests = 0
  }

  /** From here on the tenant does this, whoever asks; where nothing is to listen, it is gone as a whole. */
  async begin({ answer }: Fault, target: Target): Promise<void> {
    if (answer) this.tenant.answers.set(target === 'discovery' ? this.discoveryPath : this.keysPath, answer(this))
    else await this.tenant.close()
    this.#isGone = !answer
  }

  async end(): Promise<void> {
    this.tenant.answers.clear()
    if (this.#isGone) await this.tenant.listen()
    this.#isGone = false
  }

  /** As new, with an issuer that knows nothing yet. */
  subject(version: Version, timings: Partial<KeyTimings> = {}): Subject {
    this.reset(version)
    const way = { short: false, refused: '' }
    const { fetchJson, idle, fetches, underWay } = tracked((url) => {
      const { fetchJson } = way.short ? this.#short : this.#patient
      return fetchJson(url === way.refused ? `http://127.0.0.1:${closedPort}/` : url)
    })
    const clock = new FakeClock(idle)
    const log = recordingLogger()
    const url = this.tenant.origin + this.discoveryPath
    const settings = { url, issuer: this.issuer, optional: version === '1.0', profile }
    const issuer = new Issuer(settings, { ...defaults, ...timings }, { fetchJson, clock, log, names: new Map() })
    return {
      ...{ issuer, clock, log, fetches, underWay, idle },
      ask: async (kid) => outcome(await issuer.keys.find(kid, 'RS256')),
      begin: ({ answer, hangs = false }, target) => {
        const path = target === 'discovery' ? this.discoveryPath : this.keysPath
        way.short = hangs
        if (answer) this.tenant.answers.set(path, answer(this))
        else way.refused = this.tenant.origin + path
      },
      end: () => {
        this.tenant.answers.clear()
        Object.assign(way, { short: false, refused: '' })
      }
    }
  }

  async close(): Promise<void> {
    this.#otherServer.close()
    this.#otherServer.closeAllConnections()
    await Promise.all([this.#patient.close(), this.#short.close(), this.tenant.close()])
  }
}

/** A fetch that says when all that was asked for has come, and what follows from it has been done. */
export function tracked(fetch: FetchJson) {
  const pending = new Set<Promise<unknown>>()
  let began = 0
  const fetchJson: FetchJson = (url) => {
    began += 1
    const answer = fetch(url)
    pending.add(answer)
    const done = () => pending.delete(answer)
    answer.then(done, done)
    return answer
  }
  const idle = async () => {
    await settle()
    while (pending.size > 0) {
      await Promise.allSettled([...pending])
      await settle()
      await settle()
    }
  }
  return { fetchJson, idle, fetches: () => began, underWay: () => pending.size }
}

/** Lanes for cases that run side by side: each takes one for itself. */
export async function openLanes(count: number) {
  const kids = ['key-1', 'key-2', 'key-3']
  const keys = new Map(await Promise.all(kids.map(async (kid) => [kid, await signingKey(kid)] as const)))
  const free = await Promise.all(Array.from({ length: count }, () => Lane.open(keys)))
  const all = [...free]
  const waiting: ((lane: Lane) => void)[] = []
  return {
    async use<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
      const lane = free.pop() ?? (await new Promise<Lane>((resolve) => waiting.push(resolve)))
      try {
        return await work(lane)
      } finally {
        const next = waiting.shift()
        if (next) next(lane)
        else free.push(lane)
      }
    },
    close: () => Promise.all(all.map((lane) => lane.close()))
  }
}
