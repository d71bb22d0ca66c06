/** The requests of a soak: paced, many at once, each with its right answers known beforehand. */
import { setTimeout as sleep } from 'node:timers/promises'
import { judge, overHttp1 } from '../hostile/judge.js'
import { nameOf, type Row, type Table } from '../hostile/row.js'
import { tables } from '../hostile/tables.js'
import type { Credential } from './callers.js'
import { ask, type Got, patience, watch } from './client.js'
import { rightAnswers, rightOutcomes, rightOutcomesOnBehalfOf } from './expected.js'
import { isOnly } from './history.js'
import type { Random } from './random.js'
import type { SoakRecord } from './record.js'
import { exchangedFor, type Stage } from './stage.js'
import type { Streams } from './streams.js'

/** Rows that are right for some seconds only, at the edge of the allowed clock skew, are none for a machine that may be busy. */
const isOfMoment = ({ change }: Row) => /\b(in|exp|nbf|iat)\b.*\d s\b/.test(change)
const corpus: Table = Object.values<Table>(tables)
  .flat()
  .filter((row) => !isOfMoment(row))
/** Requests under way, beyond which no more begin: an API that hangs must not bury the soak. */
const mostAtOnce = 400

/** Kinds of requests, and how many of a hundred. */
const mix = {
  known: 30,
  fresh: 12,
  corpus: 25,
  revoked: 6,
  'newest key': 6,
  'withdrawn key': 4,
  'on behalf of': 9,
  stream: 4,
  'hang up': 4
} as const
type Kind = keyof typeof mix
const deck = Object.entries(mix).flatMap(([kind, count]) => Array<Kind>(count).fill(kind as Kind))

export class Traffic {
  readonly #stage: Stage
  readonly #record: SoakRecord
  readonly #random: Random
  readonly #streams: Streams
  readonly #underWay = new Set<Promise<void>>()
  #stopped = false

  constructor(stage: Stage, record: SoakRecord, random: Random, streams: Streams) {
    this.#stage = stage
    this.#record = record
    this.#random = random
    this.#streams = streams
  }

  get underWay(): number {
    return this.#underWay.size
  }

  /**
   * Sends requests until {@link Traffic.stop}, at random intervals, and never as fast as it goes.
   *
   * @param rate requests per second
   */
  async run(rate: number): Promise<void> {
    let next = performance.now()
    while (!this.#stopped) {
      next = Math.max(next + (-Math.log(1 - this.#random.next()) * 1000) / rate, performance.now() - 100)
      await sleep(Math.max(0, next - performance.now()))
      if (this.underWay < mostAtOnce) this.#begin(this.#random.one(deck))
    }
    this.#streams.hangUp()
    await Promise.all(this.#underWay)
  }

  stop(): void {
    this.#stopped = true
  }

  #begin(kind: Kind): void {
    this.#record.requests += 1
    const done = this.#send(kind)
      .catch((error: unknown) => this.#record.isWrong(kind, 'an answer', String(error)))
      .finally(() => void this.#underWay.delete(done))
    this.#underWay.add(done)
  }

  async #send(kind: Kind): Promise<void> {
    const { callers, keys, gone } = this.#stage
    if (kind === 'corpus') return this.#attack()
    if (kind === 'stream') return this.#stream()
    if (kind === 'hang up') return this.#hangUp()
    if (kind === 'on behalf of') return this.#onBehalfOf(callers.known())
    const newest = keys.at(-1)
    if (kind === 'newest key' && newest) return this.#me(kind, callers.signIn({ key: newest }))
    if (kind === 'withdrawn key' && gone) return this.#me(kind, callers.signIn({ key: gone }))
    if (kind === 'fresh') return this.#me(kind, callers.signIn())
    const revoked = kind === 'revoked' ? callers.takenBack() : undefined
    return revoked ? this.#me(kind, revoked) : this.#me('known', callers.known())
  }

  /** The principal must be that of the token, not only the status. */
  async #me(kind: Kind, credential: Credential): Promise<void> {
    const seen = watch(this.#stage, credential)
    const startedAt = performance.now()
    const got = await ask(this.#stage, '/me', credential.token)
    const { redis, key } = seen()
    this.#record.took(performance.now() - startedAt, isOnly(redis, 'up') && isOnly(key, 'held'))
    this.#judge(kind, got, rightOutcomes(seen()), JSON.stringify({ kind: 'user', id: credential.user }))
  }

  /** The other API says whose token it got: it must be this user's, made from this token. */
  async #onBehalfOf(credential: Credential): Promise<void> {
    const seen = watch(this.#stage, credential)
    const tokens = this.#stage.weather.tokens.watch()
    const startedAt = performance.now()
    const got = await ask(this.#stage, '/photo', credential.token)
    this.#record.took(performance.now() - startedAt, false)
    const { user, token } = credential
    const body = JSON.stringify({ id: user, downstream: { token: exchangedFor(user, token) } })
    this.#judge('on behalf of', got, rightOutcomesOnBehalfOf(seen(), tokens()), body)
  }

  #judge(kind: Kind, { outcome, body }: Got, right: ReadonlySet<string>, rightBody: string): void {
    this.#record.count(kind, outcome)
    if (!right.has(outcome)) this.#record.isUnexpected(kind, [...right].join(' or '), outcome)
    else if (outcome === '200' && body !== rightBody) this.#record.isWrong(kind, rightBody, body)
  }

  async #attack(): Promise<void> {
    const { weather, world, api } = this.#stage
    const row = this.#random.one(corpus)
    const [tenant, redis] = [weather.tenant.watch(), weather.redis.watch()]
    const right = (is: string) => rightAnswers(tenant(), redis(), is)
    const startedAt = performance.now()
    const { failures } = await judge(row, world, api, overHttp1(patience), right)
    this.#record.took(performance.now() - startedAt, false)
    this.#record.count('corpus', failures.length === 0 ? 'right' : 'wrong')
    if (failures.length > 0) this.#record.isUnexpected(`corpus, ${nameOf(row)}`, String(row.is), failures.join('; '))
  }

  /** Most tokens expire soon; of the others, some are revoked, and some are signed with a key that is going to leave. */
  async #stream(): Promise<void> {
    const { callers, keys } = this.#stage
    const oldest = keys.find(({ state }) => state.now === 'held')
    const lifetime = this.#random.one([5, 10, 20, 600])
    const key = this.#random.one([callers.main, oldest ?? callers.main])
    const hangUpAfter = this.#random.one([undefined, undefined, this.#random.between(0, 15)])
    // Nobody waits ten minutes for a token to expire.
    const patient = lifetime === 600 ? (hangUpAfter ?? 45) : hangUpAfter
    await this.#streams.read(callers.signIn({ key, lifetime }), patient)
  }

  /** Goes at any moment: before the request is verified, meanwhile, or after the answer. */
  async #hangUp(): Promise<void> {
    const path = this.#random.one(['/me', '/photo', '/photo', '/events'])
    const credential = this.#random.one([this.#stage.callers.known(), this.#stage.callers.signIn()])
    const abort = AbortSignal.timeout(Math.ceil(this.#random.between(0, path === '/events' ? 2000 : 30)))
    const { outcome } = await ask(this.#stage, path, credential.token, abort)
    this.#record.count('hang up', outcome.startsWith('no answer') ? 'hung up' : outcome)
    if (/^5(?!03)/.test(outcome)) this.#record.isWrong('hang up', 'no failure of the API', outcome)
  }
}
