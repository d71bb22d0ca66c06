/** When the circuit breaker opens, for whom, and how it closes again. */
import t, { type Test } from 'tap'
import { CircuitBreaker, type Subject } from '../../../src/plugin/lib/circuit-breaker.js'
import { CircuitOpenError, OutageError, ThrottledError } from '../../../src/plugin/lib/outages.js'
import { FakeClock } from '../../support/clock.js'

type End = (error?: Error) => Promise<void>

/** A breaker, and calls that end when they are told to. Callers are written `directory/name`. */
function setUp(keyOf = ({ caller }: Subject) => caller) {
  const clock = new FakeClock()
  const breaker = new CircuitBreaker({ name: 'somebody', kind: 'somebody' }, clock, keyOf)
  const subject = (caller: string) => ({ caller, directory: String(caller.split('/')[0]) })
  const begin = (caller: string): End => {
    let settle = { resolve: () => {}, reject: (_error: Error) => {} }
    const call = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject }
    })
    const outcome = breaker.watch(subject(caller), () => call)
    for (const each of [call, outcome]) each.catch(() => {}) // until it is told to end
    return (error) => {
      if (error) settle.reject(error)
      else settle.resolve()
      return outcome.catch((failure) => {
        if (failure !== error) throw failure
      })
    }
  }
  const fail = (caller: string, error: Error = new OutageError('down')) => begin(caller)(error)
  const answer = (caller: string) => begin(caller)()
  const isOpen = (caller: string) => {
    try {
      breaker.check(subject(caller))
      return false
    } catch (error) {
      return error instanceof CircuitOpenError
    }
  }
  return { clock, breaker, subject, begin, fail, answer, isOpen }
}

const five = (directory: string) => Array.from({ length: 5 }, (_, n) => `${directory}/user-${n}`)

/** One for which it is open in the end. */
async function opened(retryAfterSeconds?: number) {
  const made = setUp()
  for (const caller of five('a')) await made.fail(caller, new OutageError('down', retryAfterSeconds))
  return made
}

t.test('one caller never opens it, however often, one after the other or at once', async (t) => {
  const { begin, fail, isOpen } = setUp()
  for (let time = 0; time < 100; time += 1) await fail('a/hangs')
  const ends = Array.from({ length: 100 }, () => begin('a/hangs'))
  for (const end of ends) await end(new OutageError('down'))
  t.notOk(isOpen('a/good'))
  t.notOk(isOpen('a/hangs'), 'not even for that caller')
})

t.test('five callers of one directory open it for that directory, and for no other', async (t) => {
  const { fail, isOpen, breaker, subject } = setUp()
  for (const caller of five('a').slice(1)) await fail(caller)
  t.notOk(isOpen('a/good'), 'four do not')
  await fail('a/user-0')
  t.ok(isOpen('a/good'))
  t.throws(() => breaker.check(subject('a/good')), {
    name: 'CircuitOpenError',
    message: 'somebody: the circuit breaker is open',
    retryAfterSeconds: 5
  })
  t.notOk(isOpen('b/good'))
  const many = setUp()
  for (let n = 0; n < 500; n += 1) await many.fail(`a/${n}`).catch(() => {})
  t.notOk(many.isOpen('b/good'), 'however many they are')
})

t.test('for all directories: five callers, of whom one directory makes up three at the most', async (t) => {
  const { fail, isOpen } = setUp()
  for (const caller of five('a').slice(0, 4)) await fail(caller)
  await fail('b/one')
  t.notOk(isOpen('c/good'), 'three of a, and one')
  await fail('b/one')
  t.notOk(isOpen('c/good'), 'the same one counts once')
  await fail('b/two')
  t.ok(isOpen('c/good'))
})

t.test('where directories are what is counted, callers do not matter', async (t) => {
  const { fail, isOpen } = setUp(({ directory }) => directory)
  for (const caller of five('a')) await fail(caller)
  for (const directory of ['b', 'c', 'd']) await fail(`${directory}/user`)
  t.notOk(isOpen('a/good'))
  t.notOk(isOpen('e/good'))
  await fail('e/user')
  t.ok(isOpen('f/good'))
})

t.test(
  'what answers others is not down: a failure counts only where nothing was answered since its call began',
  async (t) => {
    const { begin, answer, fail, isOpen } = setUp()
    const ends = five('a').map(begin)
    await answer('a/good')
    for (const end of ends) await end(new OutageError('down'))
    t.notOk(isOpen('a/good'))
    for (const caller of five('a').slice(1)) await fail(caller)
    await answer('a/good')
    await fail('a/user-0')
    t.notOk(isOpen('a/good'), 'an answer takes back what was counted')

    await t.test('an answer about another directory says nothing of this one', async (t) => {
      const { begin, answer, isOpen } = setUp()
      const ends = five('a').map(begin)
      await answer('b/good')
      for (const end of ends) await end(new OutageError('down'))
      t.ok(isOpen('a/good'))
      t.notOk(isOpen('b/good'))
    })
  }
)

t.test('other errors, 429, and a breaker that is open further on count for nothing', async (t) => {
  const { fail, isOpen } = setUp()
  for (const error of [new Error('a bug'), new ThrottledError('429'), new CircuitOpenError('open')])
    for (const caller of five('a')) await fail(caller, error)
  t.notOk(isOpen('a/good'))
})

t.test('for how long it is open: as the service said to all that were counted, from 5 to 60 seconds', async (t) => {
  const rows: [said: readonly (number | undefined)[], seconds: number][] = [
    [[undefined, undefined, undefined, undefined, undefined], 5],
    [[1, 1, 1, 1, 1], 5],
    [[17, 17, 17, 17, 17], 17],
    [[86_400, 86_400, 86_400, 86_400, 86_400], 60],
    [[86_400, 86_400, 86_400, 86_400, 9], 9],
    [[undefined, 86_400, 86_400, 86_400, 86_400], 5]
  ]
  for (const [said, seconds] of rows) {
    const { clock, fail, isOpen, answer } = setUp()
    for (const [n, retryAfter] of said.entries()) await fail(`a/${n}`, new OutageError('down', retryAfter))
    await clock.advance(seconds * 1000 - 1)
    t.ok(isOpen('a/good'), `${seconds}: just too soon`)
    await clock.advance(1)
    t.notOk(isOpen('a/good'), `${seconds}`)
    await answer('a/good')
    t.notOk(isOpen('a/0'), 'closed')
  }
})

async function checkHalfOpen(t: Test, made: Awaited<ReturnType<typeof opened>>): Promise<End> {
  await made.clock.advance(5000)
  const end = made.begin('a/probe')
  t.ok(made.isOpen('a/good'), 'one at a time')
  t.ok(made.isOpen('a/probe'))
  return end
}

t.test('half-open: one probe at a time, whose outcome decides', async (t) => {
  const up = await opened()
  await (await checkHalfOpen(t, up))()
  for (const caller of ['a/good', ...five('a')]) t.notOk(up.isOpen(caller), 'an answer closes it')

  const down = await opened(30)
  await down.clock.advance(30_000)
  await down.fail('a/probe', new OutageError('down', 86_400))
  await down.clock.advance(29_999)
  t.ok(down.isOpen('a/good'), 'an outage opens it again')
  await down.clock.advance(1)
  t.notOk(down.isOpen('a/good'), 'and for no longer than was said to all before')

  const unknown = await opened()
  const end = await checkHalfOpen(t, unknown)
  await end(new Error('a bug'))
  t.notOk(unknown.isOpen('a/good'), 'anything else leaves the next try to the next caller')
  t.notOk(unknown.isOpen('a/probe'))
})

t.test(
  'callers who failed leave the next try to others for a second, so that one who hangs is not every try',
  async (t) => {
    const { clock, isOpen, fail } = await opened()
    await clock.advance(5000)
    for (const caller of five('a')) t.ok(isOpen(caller))
    t.notOk(isOpen('a/good'))
    await clock.advance(999)
    t.ok(isOpen('a/user-0'))
    await clock.advance(1)
    t.notOk(isOpen('a/user-0'), 'where no other came')
    await fail('a/hangs')
    await clock.advance(5000)
    t.ok(isOpen('a/hangs'))
    t.notOk(isOpen('a/good'))
  }
)

t.test('a call that began before it opened: an answer closes it, a failure changes nothing', async (t) => {
  const { clock, begin, fail, isOpen } = setUp()
  const [late, later] = [begin('a/late'), begin('a/later')]
  for (const caller of five('a')) await fail(caller)
  await clock.advance(4999)
  await late(new OutageError('down'))
  await clock.advance(1)
  t.notOk(isOpen('a/good'))
  const probe = begin('a/good')
  await later()
  t.notOk(isOpen('a/another'), 'closed before the probe ended')
  await probe(new OutageError('down'))
  t.notOk(isOpen('a/another'))
})

t.test('what is kept is bounded', async (t) => {
  const { clock, isOpen, fail, answer } = await opened()
  for (let n = 0; n < 100; n += 1) {
    await clock.advance(6000)
    await fail(`a/probe-${n}`)
  }
  await clock.advance(5000)
  t.ok(isOpen('a/probe-99'))
  t.notOk(isOpen('a/user-0'), 'the callers who failed first are forgotten')

  const many = await opened()
  for (let n = 0; n < 999; n += 1) await many.answer(`directory-${n}/user`)
  t.ok(many.isOpen('a/good'), 'a thousand directories')
  await many.answer('one-more/user')
  t.notOk(many.isOpen('a/good'))
  await answer('b/user')
})
