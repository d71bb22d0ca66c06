/** What others answer: for how long an answer counts that says so itself, and who is left alone after outages. */
import t from 'tap'
import { Answers, OutageError, ThrottledError } from '../../src/plugin/answers.js'
import { FakeClock } from '../support/clock.js'

t.test('an answer that says for how long it counts', async (t) => {
  const clock = new FakeClock()
  const answers = new Answers<number>('somebody', 5, clock)
  let calls = 0
  const ask = () => {
    calls += 1
    return calls
  }
  const get = () => answers.get('it', (value) => value * 10, ask)
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
  const answers = new Answers<number>('somebody', 5, new FakeClock())
  let calls = 0
  const get = () => answers.get('it', 100, () => ++calls)
  await answers.forgetOne('it', () => true)
  await get()
  await answers.forgetOne('it', (value) => value === 7)
  t.equal((await get()).value, 1)
  await Promise.all([answers.forgetOne('it', (value) => value === 1), answers.forgetOne('it', (value) => value === 1)])
  t.equal((await get()).value, 2)
  const failing = answers.get('other', 100, () => Promise.reject(new Error('away'))).catch(() => {})
  await answers.forgetOne('other', () => true)
  await failing
})

t.test('outages: for how long who had five is left alone', async (t) => {
  const rows: [retryAfterSeconds: number | undefined, restSeconds: number][] = [
    [undefined, 5],
    [1, 5],
    [17, 17],
    [86_400, 60]
  ]
  for (const [retryAfterSeconds, restSeconds] of rows) {
    const clock = new FakeClock()
    const answers = new Answers<string>('somebody', 5, clock)
    const outage = new OutageError('down', retryAfterSeconds)
    for (let time = 0; time < 5; time += 1)
      await t.rejects(
        answers.get('it', 1, () => Promise.reject(outage)),
        { message: 'down' }
      )
    await t.rejects(
      answers.get('it', 1, () => 'up'),
      {
        name: 'OutageError',
        message: 'somebody failed 5 times in a row, and is left alone for a while',
        retryAfterSeconds: restSeconds
      }
    )
    await clock.advance(restSeconds * 1000 - 1)
    await t.rejects(
      answers.get('it', 1, () => 'up'),
      { name: 'OutageError', message: /left alone/, retryAfterSeconds: 1 },
      'just too soon'
    )
    await clock.advance(1)
    t.equal((await answers.get('it', 1, () => 'up')).value, 'up')
    await t.rejects(
      answers.get('other', 1, () => Promise.reject(outage)),
      { message: 'down' },
      'counted anew'
    )
    t.equal((await answers.get('other', 1, () => 'up')).value, 'up')
  }
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
    const answers = new Answers<string>('somebody', 5, clock)
    const throttled = () => Promise.reject(new ThrottledError('answered 429', retryAfterSeconds))
    for (let time = 0; time < 7; time += 1)
      await t.rejects(answers.get(`user ${time}`, 1, throttled), { message: 'answered 429' })
    t.equal((await answers.get('another', 1, () => 'up')).value, 'up', 'nobody else waits')
    const again = () => answers.get('user 0', 1, () => 'up')
    await t.rejects(again(), { message: 'somebody asked to wait', retryAfterSeconds: restSeconds })
    await clock.advance(restSeconds * 1000 - 1)
    await t.rejects(again(), { name: 'OutageError', retryAfterSeconds: 1 }, 'just too soon')
    await clock.advance(1)
    t.equal((await again()).value, 'up')
  }
})
