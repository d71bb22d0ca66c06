import t from 'tap'
import { actorsOf, maxActors } from '../../../src/plugin/claims/actors.js'

/** A chain of actors named 1, 2, …, the current one first. */
const chain = (length: number): object | undefined =>
  Array.from({ length }, (_, index) => String(index + 1)).reduceRight<object | undefined>(
    (act, sub) => ({ sub, ...(act && { act }) }),
    undefined
  )

t.test('RFC 8693 §4.1: the outermost act is the current actor, and prior ones are within it', async (t) => {
  t.strictSame(actorsOf({}), [], 'nobody')
  t.strictSame(actorsOf({ act: null }), [], 'null counts as absent')
  t.strictSame(actorsOf({ act: { sub: 'admin@example.com' } }), [{ subject: 'admin@example.com' }], 'figure 5')
  const figure6 = {
    sub: 'https://service16.example.com',
    act: { sub: 'https://service77.example.com' }
  }
  t.strictSame(actorsOf({ act: figure6 }), [
    { subject: 'https://service16.example.com' },
    { subject: 'https://service77.example.com' }
  ])
  t.strictSame(
    actorsOf({ act: { sub: 'a', iss: 'https://id.example', act: { sub: 'b', iss: null, act: null } } }),
    [{ subject: 'a', issuer: 'https://id.example' }, { subject: 'b' }],
    'iss may be necessary to identify an actor'
  )
  t.strictSame(
    actorsOf({ act: { sub: 'a', exp: 1, aud: 'x', roles: ['Admin'], scope: 'all' } }),
    [{ subject: 'a' }],
    'claims that are none of an identity are not used'
  )
  t.strictSame(actorsOf({ may_act: { sub: 'a' } }), [], '§4.4: who may act does not act')
})

t.test('an act that does not show who acts', async (t) => {
  const odd = [0, 1, true, false, '', 'service', [], ['service'], [{ sub: 'service' }], {}]
  for (const act of odd) {
    t.equal(actorsOf({ act }), undefined, JSON.stringify(act))
    t.equal(actorsOf({ act: { sub: 'a', act } }), undefined, `a prior one, ${JSON.stringify(act)}`)
  }
  for (const sub of [undefined, null, '', 0, true, ['a'], {}])
    t.equal(actorsOf({ act: { sub, client_id: 'a', email: 'a@b.example' } }), undefined, `sub ${JSON.stringify(sub)}`)
  for (const iss of ['', 0, true, ['https://id.example'], {}])
    t.equal(actorsOf({ act: { sub: 'a', iss } }), undefined, `iss ${JSON.stringify(iss)}`)
  t.equal(actorsOf({ act: Object.create({ sub: 'a' }) }), undefined, 'nothing is inherited')
  t.strictSame(actorsOf({ act: Object.assign(Object.create({ act: 1 }), { sub: 'a' }) }), [{ subject: 'a' }])
})

t.test('the length of a chain is bounded', async (t) => {
  t.equal(actorsOf({ act: chain(maxActors) })?.length, 10)
  t.equal(actorsOf({ act: chain(maxActors + 1) }), undefined)
  t.equal(actorsOf({ act: chain(100_000) }), undefined, 'without recursion')
})
