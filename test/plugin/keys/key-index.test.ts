import t from 'tap'
import { indexOf, key } from '../../support/key-index.js'

const rsa = key('shared', 'PEM of RSA', 'RS256', 'PS256')
const ec = key('shared', 'PEM of EC', 'ES256')
const okp = key('shared', 'PEM of OKP', 'EdDSA')

t.test('RFC 7517 §4.5: keys of several kinds under one kid, found by alg', async (t) => {
  for (const index of [indexOf(rsa, ec, okp), indexOf(okp, ec, rsa)]) {
    t.equal(index.find('shared', 'RS256'), rsa)
    t.equal(index.find('shared', 'PS256'), rsa)
    t.equal(index.find('shared', 'ES256'), ec)
    t.equal(index.find('shared', 'EdDSA'), okp)
  }
})

t.test('RFC 8725 §3.1: a key verifies what it was made for, whatever another key may', async (t) => {
  const index = indexOf(rsa, key('ec', 'PEM of EC', 'ES256'))
  t.equal(index.find('ec', 'ES256')?.pem, 'PEM of EC', 'control: the one that it can')
  const rows: [rule: string, kid: string, alg: unknown][] = [
    ['RS256 for an EC key', 'ec', 'RS256'],
    ['RFC 7518 §3.4: another curve’s', 'ec', 'ES384'],
    ['RFC 7517 §4.4: not listed', 'shared', 'RS512'],
    ['RFC 8725 §2.1: HMAC with a public key', 'shared', 'HS256'],
    ['RFC 8725 §3.2: none', 'shared', 'none'],
    ['RFC 7515 §4.1.1: alg has a case', 'shared', 'rs256'],
    ['RFC 7515 §4.1.1: alg is there', 'shared', undefined],
    ['RFC 7515 §4.1.1: alg is a string', 'shared', ['RS256']],
    ['no such kid', 'Shared', 'RS256'],
    ['no kid', '', 'RS256'],
    ['of every object', 'constructor', 'RS256']
  ]
  for (const [rule, kid, alg] of rows) t.equal(index.find(kid, alg), undefined, rule)
})

t.test('OpenID Connect Core §10.1: without a kid, the only key that fits the alg', async (t) => {
  const index = indexOf(rsa, ec, key('rsa-2', 'PEM of another', 'RS256'))
  t.equal(index.find(undefined, 'PS256'), rsa, 'one can')
  t.equal(index.find(undefined, 'ES256'), ec)
  t.strictSame([index.find(undefined, 'RS256'), index.isAmbiguous('RS256')], [undefined, true], 'two can')
  t.strictSame([index.find(undefined, 'EdDSA'), index.isAmbiguous('EdDSA')], [undefined, false], 'none can')
  t.notOk(index.isAmbiguous('ES256'))
  const three = indexOf(rsa, key('b', 'another', 'RS256'), { ...rsa, kid: 'c' })
  t.ok(three.isAmbiguous('RS256'), 'a third does not make it clear again')
  const twice = indexOf(rsa, { ...rsa, kid: 'other name' })
  t.equal(twice.find(undefined, 'RS256'), rsa, 'one key under two names is one')
  const unnamed = key(undefined, 'PEM', 'RS256')
  t.equal(indexOf(unnamed).find(undefined, 'RS256'), unnamed, 'a key without a name')
  t.ok(indexOf(unnamed, rsa).isAmbiguous('RS256'), 'counts as any other')
  t.equal(indexOf(unnamed).find('undefined', 'RS256'), undefined, 'and is not called undefined')
})

t.test('a key by its kid alone, to say what is wrong', async (t) => {
  t.equal(indexOf(ec, rsa).first('shared'), ec)
  t.equal(indexOf(ec).first('other'), undefined)
})
