/** The wheel: what is due at a second of the wall clock, wherever that clock jumps. */
import t from 'tap'
import { TimerWheel } from '../../../src/plugin/lifetimes/timer-wheel.js'

const start = 1_700_000_000
const item = (seconds: number) => ({ dueAt: start + seconds })

t.test('each item is taken once, in its second and not before', async (t) => {
  const wheel = new TimerWheel<{ dueAt: number }>(start + 0.5)
  const items = [item(1), item(2), item(2), item(4095), item(4096), item(4097), item(20_000)]
  for (const each of items) wheel.add(each)
  t.same(wheel.takeDue(start + 0.9), [])
  t.same(wheel.takeDue(start + 1.9), [items[0]])
  t.same(wheel.takeDue(start + 2), items.slice(1, 3))
  t.same(wheel.takeDue(start + 2.7), [], 'not twice in a second')
  for (let at = 3; at < 4095; at += 1) t.same(wheel.takeDue(start + at), [], `${at}`)
  for (const at of [4095, 4096, 4097]) t.same(wheel.takeDue(start + at), [item(at)])
  for (let at = 4098; at < 20_000; at += 4000) t.same(wheel.takeDue(start + at), [])
  t.same(wheel.takeDue(start + 20_000), items.slice(-1))
})

t.test('an item that was removed is never taken', async (t) => {
  const wheel = new TimerWheel<{ dueAt: number }>(start)
  const [one, other] = [item(3), item(3)]
  wheel.add(one)
  wheel.add(other)
  wheel.remove(one)
  wheel.remove(item(77))
  t.same(wheel.takeDue(start + 5), [other])
  t.same(wheel.takeDue(start + 4101), [])
})

t.test('a clock that jumps forward, by seconds or by a year, takes all that is due', async (t) => {
  for (const jump of [100, 4095, 4096, 4097, 31_536_000]) {
    const wheel = new TimerWheel<{ dueAt: number }>(start)
    const items = [1, 50, 99, 4000, 4096, 5000, 31_000_000].map(item)
    for (const each of items) wheel.add(each)
    const due = items.filter(({ dueAt }) => dueAt <= start + jump)
    t.same(
      wheel.takeDue(start + jump).toSorted((a, b) => a.dueAt - b.dueAt),
      due,
      `${jump} seconds`
    )
  }
})

t.test('a clock that goes back takes nothing early, and misses nothing later', async (t) => {
  const wheel = new TimerWheel<{ dueAt: number }>(start)
  const [first, second] = [item(10), item(4000)]
  wheel.add(first)
  t.same(wheel.takeDue(start - 3600), [])
  const early = item(-3599)
  wheel.add(early)
  wheel.add(second)
  t.same(wheel.takeDue(start - 3599), [early], 'added after it went back')
  t.same(wheel.takeDue(start + 9), [])
  t.same(wheel.takeDue(start + 10), [first])
  t.same(wheel.takeDue(start - 100), [])
  t.same(wheel.takeDue(start + 4000), [second])
})

t.test('100,000 items, added, removed and taken', async (t) => {
  const wheel = new TimerWheel<{ dueAt: number }>(start)
  const items = Array.from({ length: 100_000 }, (_, at) => item(1 + (at % 86_400)))
  for (const each of items) wheel.add(each)
  const [gone, kept] = [items.filter((_, at) => at % 2 === 0), items.filter((_, at) => at % 2 === 1)]
  for (const each of gone) wheel.remove(each)
  let taken = 0
  for (let at = 1; at <= 86_400; at += 1000) taken += wheel.takeDue(start + at).length
  taken += wheel.takeDue(start + 86_400).length
  t.equal(taken, kept.length)
})
