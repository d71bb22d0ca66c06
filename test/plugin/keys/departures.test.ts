import t from 'tap'
import { Departures } from '../../../src/plugin/keys/departures.js'
import type { KeyIndex } from '../../../src/plugin/keys/key-index.js'
import { indexOf, key } from '../../support/key-index.js'

const rsa = key('shared', 'PEM of RSA', 'RS256', 'PS256')
const ec = key('shared', 'PEM of EC', 'ES256')
const both = indexOf(rsa, ec)

/** What left with the last of these sets. */
function after(...sets: KeyIndex[]): Departures {
  const departures = new Departures()
  for (const [at, set] of sets.slice(1).entries()) departures.note(sets[at] as KeyIndex, set)
  return departures
}

t.test('one of two keys under one kid', async (t) => {
  t.ok(after(both, indexOf(rsa)).mayAsk('shared', 'ES256', 0), 'the one that left')
  t.notOk(after(both, indexOf(rsa)).mayAsk('shared', 'RS256', 0), 'not the one that stayed')
  t.notOk(after(both, indexOf(rsa)).mayAsk('shared', 'HS256', 0), 'nor one that never was')
})

t.test('a kid asks once, whatever its algorithms', async (t) => {
  const departures = after(both, indexOf(key('other', 'PEM', 'RS512')))
  t.ok(departures.mayAsk('shared', 'RS256', 0))
  for (const alg of ['RS256', 'PS256', 'ES256']) t.notOk(departures.mayAsk('shared', alg, 60_000), alg)
})

t.test('what is back has not left', async (t) => {
  const thin = indexOf(ec)
  t.notOk(after(both, thin, both).mayAsk('shared', 'RS256', 0))
  t.ok(after(both, thin, both, thin).mayAsk('shared', 'RS256', 0), 'until it leaves again')
  t.ok(after(both, thin, thin, indexOf(ec, key('new', 'PEM', 'RS256'))).mayAsk('shared', 'RS256', 0), 'and stays away')
})

t.test('tokens without kid, whose key has left or is another one', async (t) => {
  t.ok(after(both, indexOf(rsa)).mayAsk(undefined, 'ES256', 0))
  t.ok(after(both, indexOf(key('b', 'PEM', 'RS256'))).mayAsk(undefined, 'RS256', 0))
  t.notOk(after(both, indexOf(rsa)).mayAsk(undefined, 'RS256', 0))
  t.ok(after(indexOf(key(undefined, 'PEM', 'RS256')), indexOf(ec)).mayAsk(undefined, 'RS256', 0))
})

t.test('the latest thousand are remembered', async (t) => {
  const named = (kid: string) => indexOf(key(kid, `PEM of ${kid}`, 'RS256'))
  const departures = after(...Array.from({ length: 1030 }, (_, at) => named(`k${at}`)))
  t.notOk(departures.mayAsk('k0', 'RS256', 0))
  t.ok(departures.mayAsk('k1028', 'RS256', 0))
})
