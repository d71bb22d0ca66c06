/** What others answer: for how long an answer counts that says so itself, and whose question waits after a 429. */
import t from 'tap'
import { LookupCache } from '../../../src/plugin/lib/lookup-cache.js'
import { ThrottledError } from '../../../src/plugin/lib/outages.js'
import { FakeClock } from '../../support/clock.js'

const about = (name: string) => ({ about: name, caller: name, directory: 'a' })

t.test('an answer that says for how long it counts', async (t) => {
  const clock = new FakeClock()
  const answers = new LookupCache<number>('somebody', { timeoutSeconds: 5, clock })
  let calls = 0
  const ask = () => {
    calls += 1
    return calls
  }
  const get = () => answers.get(about('it'), (value) => value * 10, ask)
  const { value, until } = await get()
  t.equal(value, 1)
  t.ok(Math.abs(until - (Date.now() / 1000 + 10)) < 2)
  await clock.advance(9_999)
  t.equal((await get()).value, 1, 'just in time')
  await clock.advance(1)
  t.equal((await get()).value, 2, 'just too late')
  await clock.advance(19_999)
  t.equal((await get()).value, 2, 'the second one counts for twenty seconds')
})

t.test('an answer is forgotten when it is the one that is meant', async (t) => {
  const answers = new LookupCache<number>('somebody', { timeoutSeconds: 5, clock: new FakeClock() })
  let calls = 0
  const get = () => answers.get(about('it'), 100, () => ++calls)
  await answers.forgetOne('it', () => true)
  await get()
  await answers.forgetOne('it', (value) => value === 7)
  t.equal((await get()).value, 1)
  await Promise.all([answers.forgetOne('it', (value) => value === 1), answers.forgetOne('it', (value) => value === 1)])
  t.equal((await get()).value, 2)
  const failing = answers.get(about('other'), 100, () => Promise.reject(new Error('away'))).catch(() => {})
  await answers.forgetOne('other', () => true)
  await failing
})

t.test('a question that is throttled is not asked for as long as it was said; others are, however often', async (t) => {
  const rows: [retryAfterSeconds: number | undefined, restSeconds: number][] = [
    [undefined, 1],
    [0, 1],
    [17, 17],
    [86_400, 60]
  ]
  for (const [retryAfterSeconds, restSeconds] of rows) {
    const clock = new FakeClock()
    const answers = new LookupCache<string>('somebody', { timeoutSeconds: 5, clock })
    const throttled = () => Promise.reject(new ThrottledError('answered 429', retryAfterSeconds))
    for (let time = 0; time < 7; time += 1)
      await t.rejects(answers.get(about(`user ${time}`), 1, throttled), { message: 'answered 429' })
    t.equal((await answers.get(about('another'), 1, () => 'up')).value, 'up', 'nobody else waits')
    const again = () => answers.get(about('user 0'), 1, () => 'up')
    await t.rejects(again(), { message: 'somebody is throttled', retryAfterSeconds: restSeconds })
    await clock.advance(restSeconds * 1000 - 1)
    await t.rejects(again(), { name: 'ThrottledError', retryAfterSeconds: 1 }, 'just too soon')
    await clock.advance(1)
    t.equal((await again()).value, 'up')
  }
})
