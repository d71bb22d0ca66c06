import t from 'tap'
import { byParameters } from '../../../src/plugin/entra/allowed-tenants.js'
import { answerSeconds, TenantDecisions, type TenantPolicy } from '../../../src/plugin/entra/tenant-decisions.js'
import { FakeClock, processClock, settle } from '../../support/clock.js'

const tid = '11111111-2222-4333-8444-555555555555'
const soon = () => Date.now() / 1000 + answerSeconds

function asked(policy: TenantPolicy) {
  const clock = new FakeClock()
  return { clock, decisions: new TenantDecisions(byParameters(policy), 5, clock) }
}

t.test('a yes or a no, and until when it counts', async (t) => {
  for (const answer of [true, false]) {
    const { decisions, clock } = asked(async () => answer)
    const { value, until } = await decisions.decide(tid, {})
    t.equal(value, answer)
    t.ok(Math.abs(until - soon()) < 5)
    t.equal(clock.pending, 0, 'the deadline is called off')
  }
})

t.test('those who ask at once share one call', async (t) => {
  let calls = 0
  let answer = (_allowed: boolean) => {}
  const { decisions } = asked((_tenantId) => {
    calls += 1
    return new Promise((resolve) => {
      answer = resolve
    })
  })
  const all = Promise.all(Array.from({ length: 50 }, (_, n) => decisions.decide(tid, { sub: String(n) })))
  await settle()
  answer(true)
  t.ok((await all).every(({ value }) => value))
  t.equal(calls, 1)
})

t.test('one answer for a tenant where claims are not looked at; otherwise one for each set of claims', async (t) => {
  const seen: unknown[] = []
  const note = (...all: unknown[]) => seen.push(all.length) > 0
  const policies: Record<string, [TenantPolicy, number]> = {
    'one parameter': [(id) => note(id), 1],
    'two parameters': [(id, claims) => note(id, claims), 2],
    'any number of parameters': [(...all) => note(...all), 2],
    'a default': [(id, claims = {}) => note(id, claims), 1] // which then sees none
  }
  for (const [name, [policy, calls]] of Object.entries(policies)) {
    seen.length = 0
    const { decisions } = asked(policy)
    for (const sub of ['a', 'b', 'a', 'b']) await decisions.decide(tid, { sub })
    t.equal(seen.length, calls, name)
  }
})

t.test('an answer that is shared was not made from one token’s claims', async (t) => {
  const seen: unknown[] = []
  const policy: TenantPolicy = (_id, claims = {}) => seen.push(claims) > 0
  const { decisions } = asked(policy)
  await decisions.decide(tid, { azp: 'good' })
  t.same(seen, [{}])
})

t.test('an answer counts by the clock that only goes forward', async (t) => {
  let calls = 0
  const { decisions, clock } = asked((_tenantId) => {
    calls += 1
    return true
  })
  await decisions.decide(tid, {})
  processClock(t).moveWall(-3_600_000)
  await clock.advance(answerSeconds * 1000 - 1)
  await decisions.decide(tid, {})
  t.equal(calls, 1)
  await clock.advance(1)
  await decisions.decide(tid, {})
  t.equal(calls, 2, 'though the wall clock was set back')
})

t.test('what fails is not remembered, and not shared with those who ask later', async (t) => {
  let calls = 0
  const { decisions } = asked(() => {
    calls += 1
    if (calls === 1) throw new Error('away')
    return true
  })
  await t.rejects(decisions.decide(tid, {}), { message: 'away' })
  t.match(await decisions.decide(tid, {}), { value: true })
  t.equal(calls, 2)
})

t.test('the deadline', async (t) => {
  const { decisions, clock } = asked(() => new Promise(() => {}))
  const late = decisions.decide(tid, {})
  const failed = t.rejects(late, { message: 'allowedTenants took longer than 5 seconds' })
  await clock.advance(4999)
  t.equal(clock.pending, 1, 'just in time')
  await clock.advance(1)
  await failed
})

t.test('answers are bounded, and the oldest goes first', async (t) => {
  let calls = 0
  const { decisions } = asked((_tenantId) => {
    calls += 1
    return true
  })
  for (let n = 0; n <= 10_000; n += 1) await decisions.decide(String(n), {})
  t.equal(calls, 10_001)
  await decisions.decide('10000', {})
  t.equal(calls, 10_001)
  await decisions.decide('0', {})
  t.equal(calls, 10_002)
})

t.test('directories that hang open the circuit breaker, never one of them; what throws does not', async (t) => {
  let calls = 0
  let fails: 'hangs' | 'throws' | 'never' = 'throws'
  const { decisions, clock } = asked((_tenantId, _claims) => {
    calls += 1
    if (fails === 'throws') throw new Error('one caller’s fault')
    return fails === 'never' || new Promise(() => {})
  })
  const directory = (n: number) => `${n}${tid.slice(1)}`
  for (let n = 0; n < 20; n += 1) await t.rejects(decisions.decide(directory(n % 10), {}), { message: /fault/ })
  t.equal(calls, 20)
  fails = 'hangs'
  const hang = async (n: number, claims: object) => {
    const late = t.rejects(decisions.decide(directory(n), { ...claims }), { message: /took longer than 5 seconds/ })
    await clock.advance(5000)
    await late
  }
  for (let n = 0; n < 20; n += 1) await hang(0, { oid: String(n) })
  for (let n = 1; n < 4; n += 1) await hang(n, {})
  fails = 'never'
  t.match(await decisions.decide(directory(9), {}), { value: true }, 'four directories do not')
  fails = 'hangs'
  for (let n = 0; n < 5; n += 1) await hang(n, {})
  fails = 'never'
  const before = calls
  await t.rejects(decisions.decide(directory(8), {}), { message: 'allowedTenants: the circuit breaker is open' })
  t.equal(calls, before, 'nobody was asked')
  await clock.advance(5000)
  t.match(await decisions.decide(directory(8), {}), { value: true })
})

t.test('one user whose decision hangs takes no other user’s place', async (t) => {
  const begun: unknown[] = []
  const { decisions, clock } = asked((_tenantId, { oid, uti }) => {
    begun.push(oid)
    return oid === 'good' && uti !== 'hangs' ? true : new Promise(() => {})
  })
  const late = Array.from({ length: 200 }, (_, n) => t.rejects(decisions.decide(tid, { oid: 'hangs', uti: n })))
  await settle()
  t.equal(begun.length, 4)
  t.match(await decisions.decide(tid, { oid: 'good' }), { value: true })
  late.push(...Array.from({ length: 5 }, () => t.rejects(decisions.decide(tid, { sub: 'without an oid' }))))
  await clock.advance(5000)
  await Promise.all(late)
})
