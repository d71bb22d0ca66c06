/** Signals for streams: when they fire, why, with one timer, and what holds them. */
import t, { type Test } from 'tap'
import type { Principal } from '../../../src/plugin/index.js'
import { PrincipalSignals } from '../../../src/plugin/lifetimes/principal-signals.js'
import { type Refusal, refusal } from '../../../src/plugin/refusals/refusal.js'
import { TokenRefusedError } from '../../../src/plugin/refusals/refusal-error.js'
import { FakeClock, processClock } from '../../support/clock.js'

/** Signals whose tokens lapse as the test says; both clocks go on together. */
function start(t: Test) {
  const clock = new FakeClock()
  const wall = processClock(t)
  wall.stopWall(1_700_000_000_000)
  let now = 1_700_000_000_000
  const lapsed = new Map<Principal, Refusal>()
  const asked: Principal[] = []
  const signals = new PrincipalSignals({
    clock,
    clockToleranceSeconds: 60,
    lapseOf: async (principal) => {
      asked.push(principal)
      return lapsed.get(principal)
    },
    toReason: (why) => new TokenRefusedError(why)
  })
  const pass = async (seconds: number) => {
    for (let at = 0; at < seconds; at += 1) {
      now += 1000
      wall.stopWall(now)
      await clock.advance(1000)
    }
  }
  /** The wall clock alone jumps; the next tick sees it. */
  const jump = (seconds: number) => {
    now += seconds * 1000
    wall.stopWall(now)
  }
  const principal = (lives: number) => ({ expiresAt: now / 1000 + lives }) as Principal
  return { clock, signals, lapsed, asked, pass, jump, principal }
}

const reasonOf = ({ aborted, reason }: AbortSignal) => (aborted ? (reason.code ?? reason.name) : 'open')

t.test('it fires when requests with the token are no longer accepted: after the allowed clock skew', async (t) => {
  const { signals, pass, principal } = start(t)
  const { signal } = signals.watch(principal(5))
  let fired = 0
  signal.addEventListener('abort', () => {
    fired += 1
  })
  await pass(64)
  t.equal(reasonOf(signal), 'open')
  await pass(1)
  t.match(signal.reason, { name: 'TokenRefusedError', code: 'token_expired', statusCode: 401 })
  await pass(100)
  t.same([fired, signals.size], [1, 0])
})

t.test('a token of a day, one that is over, and one that never ends', async (t) => {
  const { signals, clock, pass, jump, principal } = start(t)
  const [day, over, never] = [
    signals.watch(principal(86_400)),
    signals.watch(principal(-70)),
    signals.watch(principal(8e9))
  ]
  await pass(1)
  t.equal(reasonOf(over.signal), 'token_expired', 'at the next tick')
  jump(86_400 + 57)
  await pass(1)
  t.equal(reasonOf(day.signal), 'open')
  await pass(1)
  t.equal(reasonOf(day.signal), 'token_expired', 'a process that was suspended notices at its first tick')
  jump(-86_400)
  await pass(3)
  jump(7e9)
  await pass(1)
  t.equal(reasonOf(never.signal), 'open')
  t.equal(clock.pending, 1, 'of a second: no timer is longer than 2^31-1 ms')
})

t.test(
  'it fires within ten seconds for a revocation, a withdrawn key and a directory, with that refusal',
  async (t) => {
    for (const code of ['token_revoked', 'unknown_key', 'wrong_tenant', 'client_not_allowed'] as const) {
      const { signals, lapsed, pass, principal } = start(t)
      const [one, other] = [principal(3600), principal(3600)]
      const [gone, kept] = [signals.watch(one), signals.watch(other)]
      await pass(20)
      lapsed.set(one, refusal(code))
      await pass(10)
      t.same([reasonOf(gone.signal), reasonOf(kept.signal)], [code, 'open'])
      t.equal(signals.size, 1)
    }
  }
)

t.test('while it cannot be determined the stream goes on, and a later check decides', async (t) => {
  const { signals, lapsed, pass, principal } = start(t)
  const one = principal(3600)
  const { signal } = signals.watch(one)
  lapsed.set(one, refusal('admission_unavailable', { retryAfterSeconds: 1 }))
  await pass(60)
  t.equal(reasonOf(signal), 'open')
  lapsed.set(one, refusal('token_revoked'))
  await pass(10)
  t.equal(reasonOf(signal), 'token_revoked')
})

t.test('each is checked once in ten seconds, and not while a check is pending; checks are spread', async (t) => {
  const { signals, asked, pass, principal } = start(t)
  for (let at = 0; at < 100; at += 1) signals.watch(principal(3600))
  for (let at = 0; at < 10; at += 1) {
    asked.length = 0
    await pass(1)
    t.equal(asked.length, 10)
  }
  await pass(20)
  t.equal(new Set(asked).size, 100)
  const clock = new FakeClock()
  let calls = 0
  const slow = new PrincipalSignals({
    ...{ clock, clockToleranceSeconds: 60, toReason: (why: Refusal) => new TokenRefusedError(why) },
    lapseOf: () => {
      calls += 1
      return new Promise(() => {})
    }
  })
  const { signal, release } = slow.watch(principal(3600))
  await clock.advance(60_000)
  t.equal(calls, 1)
  release()
  slow.close()
  t.equal(reasonOf(signal), 'open')
})

t.test('one timer for any number, and none without', async (t) => {
  const { signals, clock, pass, principal } = start(t)
  t.equal(clock.pending, 0)
  const all = Array.from({ length: 1000 }, () => signals.watch(principal(3600)))
  t.same([clock.pending, signals.size], [1, 1000])
  await pass(3)
  t.equal(clock.pending, 1)
  for (const { release } of all) release()
  for (const { release } of all) release()
  t.same([clock.pending, signals.size], [0, 0], 'also if it is released twice')
  await pass(3)
  const again = signals.watch(principal(1))
  await pass(70)
  t.equal(reasonOf(again.signal), 'token_expired')
  t.equal(clock.pending, 0)
})

t.test('released: it never fires, also for a check that was pending', async (t) => {
  const { signals, lapsed, pass, principal } = start(t)
  const one = principal(5)
  const { signal, release } = signals.watch(one)
  lapsed.set(one, refusal('token_revoked'))
  const going = pass(1)
  release()
  await going
  await pass(100)
  signals.close()
  t.equal(reasonOf(signal), 'open')
})

t.test('close() fires all, and those of later requests at once', async (t) => {
  const { signals, clock, principal } = start(t)
  const all = Array.from({ length: 25 }, () => signals.watch(principal(3600)))
  signals.close()
  t.same([...new Set(all.map(({ signal }) => reasonOf(signal)))], [20], 'DOMException AbortError')
  t.match(all[0]?.signal.reason, { name: 'AbortError', message: 'the app is closing' })
  t.same([clock.pending, signals.size], [0, 0])
  const late = signals.watch(principal(3600))
  late.release()
  t.match(late.signal.reason, { name: 'AbortError' })
  t.equal(clock.pending, 0)
})

t.test('a renewed one fires for its new token, also if the check of the old one ends later', async (t) => {
  const { signals, lapsed, pass, principal } = start(t)
  const [old, renewed] = [principal(5), principal(100)]
  lapsed.set(old, refusal('token_revoked'))
  const { signal, renew, release } = signals.watch(old)
  const checked = pass(1) // the check of the old token has begun
  renew(renewed)
  await checked
  await pass(100)
  t.equal(reasonOf(signal), 'open')
  await pass(60)
  t.equal(reasonOf(signal), 'token_expired')
  renew(principal(100))
  release()
  t.equal(signals.size, 0, 'renewing one that fired, or was released, has no effect')
})

t.test('a shorter token may replace a longer one; after closing nothing is renewed', async (t) => {
  const { signals, pass, principal } = start(t)
  const watched = signals.watch(principal(10_000))
  watched.renew(principal(-30))
  await pass(31)
  t.equal(reasonOf(watched.signal), 'token_expired')
  signals.close()
  const late = signals.watch(principal(5))
  late.renew(principal(10))
  t.equal(late.signal.reason.name, 'AbortError')
})
