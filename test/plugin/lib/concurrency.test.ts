/** How many calls of one key are under way at once. */
import t from 'tap'
import { ConcurrencyLimit } from '../../../src/plugin/lib/concurrency.js'
import { settle } from '../../support/clock.js'

const never = new AbortController().signal

/** Whether a place was got so far. */
function watched(place: Promise<() => void>) {
  const seen = { in: false, error: undefined as unknown, leave: () => {} }
  place.then(
    (leave) => Object.assign(seen, { in: true, leave }),
    (error: unknown) => Object.assign(seen, { error })
  )
  return seen
}

t.test('what is over the limit waits in its order, and for its own key alone', async (t) => {
  const limit = new ConcurrencyLimit(2)
  const calls = Array.from({ length: 4 }, () => watched(limit.enter('a', never)))
  const other = watched(limit.enter('b', never))
  await settle()
  const inside = () => calls.map((call) => call.in)
  t.same(inside(), [true, true, false, false])
  t.ok(other.in)
  t.ok(limit.isFull('a'))
  t.notOk(limit.isFull('b'))
  calls[1]?.leave()
  await settle()
  t.same(inside(), [true, true, true, false])
  t.ok(limit.isFull('a'))
  for (const call of calls) call.leave()
  await settle()
  calls[3]?.leave()
  t.notOk(limit.isFull('a'))
})

t.test('what gave up takes no place', async (t) => {
  const limit = new ConcurrencyLimit(1)
  const giveUp = new AbortController()
  const [first, second, third] = [
    watched(limit.enter('a', never)),
    watched(limit.enter('a', giveUp.signal)),
    watched(limit.enter('a', never))
  ]
  await settle()
  const reason = new Error('took too long')
  giveUp.abort(reason)
  const late = watched(limit.enter('a', giveUp.signal))
  await settle()
  t.equal(second.error, reason)
  t.equal(late.error, reason, 'nor what had given up before it came')
  first.leave()
  await settle()
  t.ok(third.in)
  t.notOk(second.in)
})
