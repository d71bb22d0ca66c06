/** The judge of the soak: which answers are right under which conditions, and that events of a seed are the same each time. */
import t from 'tap'
import { isRightEnd, rightAnswers, rightOutcomes, rightOutcomesOnBehalfOf } from './expected.js'
import { type Conditions, History } from './history.js'
import { planOf } from './plan.js'
import { createRandom } from './random.js'

const good = { tenant: ['up'], redis: ['up'], key: ['held'], standing: ['good'] } as const

/** Conditions like the good ones, but for some. */
const seen = (changes: { readonly [K in keyof Conditions]?: readonly string[] }) =>
  Object.fromEntries(
    Object.entries({ ...good, ...changes }).map(([name, states]) => [name, new Set(states)])
  ) as unknown as Conditions
const right = (changes: Parameters<typeof seen>[0]) => [...rightOutcomes(seen(changes))].sort()

const [unknownKey, revoked, noKeys, noStore] = [
  ...['401 unknown_key', '401 token_revoked', '503 tenant_unavailable', '503 admission_unavailable']
] as const

t.test('what is known has one right answer', async (t) => {
  t.same(right({}), ['200'])
  t.same(right({ tenant: ['down'] }), ['200'], 'a known key never waits for the tenant')
  t.same(right({ standing: ['revoked'] }), [revoked])
  t.same(right({ redis: ['down'] }), [noStore], 'nobody is let in without Redis')
  t.same(right({ redis: ['down'], standing: ['revoked'] }), [noStore])
  t.same(right({ key: ['gone'] }), [unknownKey])
  t.same(right({ key: ['gone'], tenant: ['down'] }), [noKeys])
  t.same(right({ key: ['hidden'], tenant: ['down'] }), [noKeys], 'a key of an outage is never accepted in it')
})

t.test('what changes may have the answers of before and of after', async (t) => {
  t.same(right({ standing: ['good', 'revoking'] }), ['200', revoked])
  t.same(right({ redis: ['up', 'changing'] }), ['200', noStore])
  t.same(right({ redis: ['down', 'changing'], standing: ['revoked'] }), [revoked, noStore])
  t.same(right({ key: ['announced'] }), ['200', unknownKey])
  t.same(right({ key: ['leaving', 'gone'], tenant: ['changing'] }), ['200', unknownKey, noKeys])
  const exchanged = rightOutcomesOnBehalfOf(seen({}), new Set(['down']))
  t.same([...exchanged], ['200', '503 downstream_unavailable'])
  t.same([...rightOutcomesOnBehalfOf(seen({}), new Set(['up']))], ['200'])
  t.same([...rightOutcomesOnBehalfOf(seen({ redis: ['down'] }), new Set(['down']))], [noStore])
})

t.test('a row of the corpus gets no more than in good weather', async (t) => {
  const [up, down] = [new Set(['up'] as const), new Set(['down'] as const)]
  t.same(rightAnswers(up, up, '200'), ['200'])
  t.same(rightAnswers(down, up, '200'), ['200'])
  t.same(rightAnswers(up, down, '403 insufficient_scope x')[1], '503 x admission_unavailable')
  t.same(rightAnswers(down, down, '401 invalid_token token_expired'), ['401 invalid_token token_expired'])
  t.same(rightAnswers(down, up, '401 invalid_token unknown_key')[1], '503 x tenant_unavailable')
})

t.test('a stream ends for a reason, and not early', async (t) => {
  const end = { code: 'token_expired', at: 100, expiresAt: 100 }
  t.ok(isRightEnd(end, seen({})))
  t.notOk(isRightEnd({ ...end, at: 99.9 }, seen({})))
  t.notOk(isRightEnd({ ...end, code: 'token_revoked' }, seen({})))
  t.ok(isRightEnd({ ...end, code: 'token_revoked' }, seen({ standing: ['good', 'revoked'] })))
  t.notOk(isRightEnd({ ...end, code: 'unknown_key' }, seen({})))
  t.ok(isRightEnd({ ...end, code: 'unknown_key' }, seen({ key: ['held', 'leaving'] })))
  t.notOk(isRightEnd({ ...end, code: 'nothing' }, seen({ key: ['gone'], standing: ['revoked'] })))
})

t.test('a request is judged by all that was since it began', async (t) => {
  const history = new History<number>(-1)
  const first = history.watch()
  for (let state = 0; state < 1500; state += 1) history.set(state)
  history.set(1499)
  const last = history.watch()
  history.set(1500)
  t.equal(history.now, 1500)
  t.same([...last()], [1499, 1500])
  t.equal(first().size, 1000, 'of one that lasts for ever, the latest')
})

t.test('a seed has one plan, with every kind of event in each round', async (t) => {
  const plan = planOf(createRandom(5), 120)
  t.same(JSON.stringify(planOf(createRandom(5), 120)), JSON.stringify(plan))
  t.not(JSON.stringify(planOf(createRandom(6), 120)), JSON.stringify(plan))
  t.equal(plan.length, 4)
  for (const { events } of plan)
    t.same([...new Set(events.map(({ kind }) => kind))].sort(), ['outage', 'redis', 'revocation', 'rotation'])
  t.throws(() => createRandom(1).one([]), 'there is none to choose from')
})
