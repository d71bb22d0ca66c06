/** Calls that may hang: in time, and so many at once for each caller and directory. */
import t from 'tap'
import type { Principal } from '../../../src/plugin/claims/principal.js'
import { BoundedCalls, callAbout } from '../../../src/plugin/lib/bounded-calls.js'
import { FakeClock, settle } from '../../support/clock.js'

function setUp(limits: { perCaller?: number; perDirectory?: number } = {}) {
  const clock = new FakeClock()
  const calls = new BoundedCalls('somebody', { timeoutSeconds: 10, clock, perCaller: 2, perDirectory: 3, ...limits })
  const begun: string[] = []
  const signals: AbortSignal[] = []
  const hang = (caller: string, directory = 'a') =>
    calls.call({ caller, directory }, (signal) => {
      begun.push(caller)
      signals.push(signal)
      return new Promise<string>(() => {})
    })
  const answer = (caller: string, directory = 'a') => calls.call({ caller, directory }, () => 'up')
  return { clock, calls, begun, signals, hang, answer }
}

const tooLate = { name: 'OutageError', message: 'somebody took longer than 10 seconds' }
const busy = { name: 'OutageError', message: 'somebody is busy with other calls about one caller' }

t.test('the deadline, and a signal that says so', async (t) => {
  const { clock, hang, signals, answer } = setUp()
  const late = t.rejects(hang('one'), tooLate)
  await clock.advance(9999)
  t.notOk(signals[0]?.aborted)
  await clock.advance(1)
  await late
  t.ok(signals[0]?.aborted)
  t.match(signals[0]?.reason, tooLate)
  t.equal(await answer('one'), 'up')
  t.equal(clock.pending, 0, 'the deadline is called off')
  await t.rejects(
    setUp().calls.call({ caller: 'a', directory: 'a' }, () => {
      throw new Error('at once')
    }),
    { message: 'at once' }
  )
})

t.test('calls about one caller that hang: two at once, and others neither wait nor are refused', async (t) => {
  const { clock, hang, answer, begun } = setUp()
  const hanging = Array.from({ length: 40 }, () => hang('one').catch((error: Error) => error.message))
  await settle()
  t.equal(begun.length, 2)
  t.equal(await answer('two'), 'up')
  const third = t.rejects(hang('one'), busy)
  await clock.advance(5000)
  await third
  await clock.advance(5000)
  t.same([...new Set(await Promise.all(hanging))], [tooLate.message, busy.message])
  t.equal(begun.length, 2, 'those who waited were never made')
  t.equal(clock.pending, 0)
  t.equal(await answer('one'), 'up', 'the places are free again')
})

t.test('calls about one directory: three at once, and another directory does not wait', async (t) => {
  const { clock, hang, answer } = setUp()
  const hanging = ['one', 'two', 'three'].map((caller) => t.rejects(hang(caller), tooLate))
  await settle()
  let waited = true
  const fourth = answer('four').then(() => {
    waited = false
  })
  t.equal(await answer('other', 'b'), 'up')
  t.ok(waited)
  await clock.advance(10_000)
  await Promise.all([...hanging, fourth])

  const late = t.rejects(hang('one'), tooLate)
  const more = ['two', 'three', 'four'].map((caller) => t.rejects(hang(caller), tooLate))
  await clock.advance(10_000)
  await Promise.all([late, ...more])
})

t.test('a function that answers at once costs neither a timer nor a promise', async (t) => {
  const principal = { tenantId: 't', id: 'one' } as Principal
  const what = () => true
  const about = { what, name: 'it', timeoutSeconds: 5 }
  t.equal(
    callAbout(principal, about, () => true),
    true
  )
  t.equal(
    callAbout(principal, about, () => false),
    false
  )
  const answer = callAbout(principal, about, async () => true)
  t.ok(answer instanceof Promise)
  t.equal(await answer, true)
  t.equal(await callAbout(principal, about, () => false), false, 'and once it did not')
  t.throws(
    () =>
      callAbout(principal, { ...about, what: {} }, () => {
        throw new Error('a bug')
      }),
    { message: 'a bug' }
  )
})
