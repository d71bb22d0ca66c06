import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { importSPKI, jwtVerify } from 'jose'
import t from 'tap'
import { toKeySet } from '../../src/plugin/jwks.js'
import { sign, signingKey } from '../support/tenant.js'

type Entry = Record<string, unknown>

const issuer = 'https://login.example/tenant/v2.0'
const source = { issuer, algorithms: ['RS256'] } as const
const first = await signingKey('first')
const second = await signingKey('second')
const good: Entry = { ...first.jwk }
const other: Entry = { ...second.jwk }

/** An entry as published, under a name of its own, with members replaced, or taken out by `undefined`. */
function entry(members: Entry, base: Entry = good): Entry {
  const all = { ...base, kid: 'under-test', ...members }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function rsa(modulusLength: number, publicExponent = 65_537): Entry {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent })
  return { ...publicKey.export({ format: 'jwk' }), use: 'sig' }
}

function keyOf(kty: 'ec' | 'ed25519'): Entry {
  const { publicKey } =
    kty === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  return { ...publicKey.export({ format: 'jwk' }), use: 'sig' }
}

/** Big-endian, as a base64urlUInt (RFC 7518 §2). */
const uint = (...bytes: number[]) => Buffer.from(bytes).toString('base64url')

// get-jwks would fetch by itself. It must never come to that, whatever a key set holds.
const fetched: unknown[] = []
const ownFetch = globalThis.fetch
globalThis.fetch = (...parameters: unknown[]) => {
  fetched.push(parameters[0])
  throw new Error('get-jwks fetched')
}
t.teardown(() => {
  globalThis.fetch = ownFetch
})

const noKeys: { name: string; rule: string; entry: unknown }[] = [
  { name: 'null', rule: 'RFC 7517 §5.1: the entries are JWKs', entry: null },
  { name: 'a string', rule: 'RFC 7517 §5.1', entry: 'key' },
  { name: 'a number', rule: 'RFC 7517 §5.1', entry: 42 },
  { name: 'an array', rule: 'RFC 7517 §5.1', entry: [] },
  { name: 'an empty object', rule: 'RFC 7517 §4.1: kty is required', entry: {} },
  { name: 'no kty', rule: 'RFC 7517 §4.1', entry: entry({ kty: undefined }) },
  { name: 'kty in lower case', rule: 'RFC 7517 §4.1: case-sensitive', entry: entry({ kty: 'rsa' }) },
  { name: 'no kid', rule: 'Entra rule 5: keys go by kid', entry: entry({ kid: undefined }) },
  { name: 'an empty kid', rule: 'Entra rule 5', entry: entry({ kid: '' }) },
  { name: 'a kid that is a number', rule: 'RFC 7517 §4.5: a string', entry: entry({ kid: 7 }) },
  { name: 'a kid that is null', rule: 'RFC 7517 §4.5', entry: entry({ kid: null }) },
  { name: 'a kid of 257 characters', rule: 'bounded', entry: entry({ kid: 'k'.repeat(257) }) },
  { name: 'a kid that is no Unicode', rule: 'RFC 8259 §8.2: unpaired surrogates', entry: entry({ kid: '\ud800' }) },
  {
    name: 'a symmetric key',
    rule: 'the packages’ holes: RS256 only',
    entry: { kty: 'oct', kid: 'under-test', k: 'c2VjcmV0' }
  },
  { name: 'an EC key', rule: 'Entra rule 5: RSA, RS256 only', entry: entry({}, keyOf('ec')) },
  { name: 'an Ed25519 key', rule: 'Entra rule 5', entry: entry({}, keyOf('ed25519')) },
  { name: 'an EC key that calls itself RSA', rule: 'Entra rule 5', entry: entry({ kty: 'RSA' }, keyOf('ec')) },
  { name: '1024 bits', rule: 'RFC 7518 §3.3: 2048 or more', entry: entry({}, rsa(1024)) },
  { name: '2047 bits', rule: 'RFC 7518 §3.3', entry: entry({}, rsa(2047)) },
  { name: 'the exponent 3', rule: 'FIPS 186-5 A.1.1', entry: entry({ e: uint(3) }) },
  { name: 'the exponent 65535', rule: 'FIPS 186-5 A.1.1: more than 2^16', entry: entry({ e: uint(255, 255) }) },
  { name: 'the exponent 1', rule: 'RFC 8017 §3.1', entry: entry({ e: uint(1) }) },
  { name: 'the exponent 0', rule: 'RFC 8017 §3.1', entry: entry({ e: uint(0) }) },
  { name: 'an empty exponent', rule: 'RFC 7518 §6.3.1.2', entry: entry({ e: '' }) },
  { name: 'no exponent', rule: 'RFC 7518 §6.3.1.2', entry: entry({ e: undefined }) },
  { name: 'no modulus', rule: 'RFC 7518 §6.3.1.1', entry: entry({ n: undefined }) },
  { name: 'an empty modulus', rule: 'RFC 7518 §6.3.1.1', entry: entry({ n: '' }) },
  { name: 'a modulus that is a number', rule: 'RFC 7518 §6.3.1.1', entry: entry({ n: 2 ** 40 }) },
  { name: 'a modulus of garbage', rule: 'RFC 7518 §6.3.1.1', entry: entry({ n: '!!!' }) },
  { name: 'a private key', rule: 'whoever reads the set can sign', entry: entry({ d: good.n }) },
  { name: 'use enc', rule: 'RFC 7517 §4.2', entry: entry({ use: 'enc' }) },
  { name: 'use that is no string', rule: 'RFC 7517 §4.2', entry: entry({ use: ['sig'] }) },
  { name: 'key_ops without verify', rule: 'RFC 7517 §4.3', entry: entry({ key_ops: ['encrypt', 'wrapKey'] }) },
  { name: 'key_ops that is empty', rule: 'RFC 7517 §4.3', entry: entry({ key_ops: [] }) },
  { name: 'key_ops that is no array', rule: 'RFC 7517 §4.3', entry: entry({ key_ops: 'verify' }) },
  { name: 'alg RS512', rule: 'RFC 7517 §4.4; Entra rule 5', entry: entry({ alg: 'RS512' }) },
  { name: 'alg RS1', rule: 'RFC 7517 §4.4', entry: entry({ alg: 'RS1' }) },
  { name: 'alg RSA-OAEP', rule: 'RFC 7517 §4.4: an encryption key', entry: entry({ alg: 'RSA-OAEP' }) },
  { name: 'alg none', rule: 'RFC 8725 §3.2', entry: entry({ alg: 'none' }) },
  { name: 'alg HS256', rule: 'RFC 8725 §2.1', entry: entry({ alg: 'HS256' }) }
]

t.test('what is no key for RS256 signatures never drops the rest', async (t) => {
  for (const { name, rule, entry } of noKeys) {
    t.test(`${name} (${rule})`, async (t) => {
      const { keys, dropped } = await toKeySet({ keys: [entry, good] }, source)
      t.same([...keys.keys()], ['first'])
      t.equal(dropped, 1)
      await t.rejects(toKeySet({ keys: [entry] }, source), /no usable key/, 'and alone it makes no set')
    })
  }

  t.test('all of them at once', async (t) => {
    const { keys, dropped } = await toKeySet({ keys: [...noKeys.map(({ entry }) => entry), good] }, source)
    t.same([...keys.keys()], ['first'])
    t.equal(dropped, noKeys.length)
  })
})

const validKeys: { name: string; rule: string; entry: Entry }[] = [
  { name: 'Entra: kty use kid x5t n e issuer', rule: 'the contract', entry: entry({ issuer }) },
  { name: 'no use', rule: 'RFC 7517 §4.2: optional', entry: entry({ use: undefined }) },
  { name: 'alg RS256', rule: 'RFC 7517 §4.4', entry: entry({ alg: 'RS256' }) },
  { name: 'key_ops verify', rule: 'RFC 7517 §4.3', entry: entry({ key_ops: ['verify'] }) },
  { name: 'key_ops verify among others', rule: 'RFC 7517 §4.3', entry: entry({ key_ops: ['sign', 'verify'] }) },
  {
    name: 'a member that nobody knows',
    rule: 'RFC 7517 §4: MUST be ignored',
    entry: entry({ cloud_instance_name: 1 })
  },
  {
    name: 'a member of get-jwks',
    rule: 'RFC 7517 §4: MUST be ignored',
    entry: entry({ domain: 'https://evil.example/' })
  },
  { name: 'a kid of 256 characters', rule: 'just short enough', entry: entry({ kid: 'k'.repeat(256) }) },
  { name: 'a kid with the delimiter of a cache key', rule: 'RFC 7517 §4.5: any', entry: entry({ kid: 'a:b/c%20 ü' }) },
  {
    name: 'a kid that is a name of Object.prototype',
    rule: 'RFC 7517 §4.5: any',
    entry: entry({ kid: 'constructor' })
  },
  { name: '2048 bits', rule: 'RFC 7518 §3.3', entry: entry({}, rsa(2048)) },
  { name: '3072 bits', rule: 'RFC 7518 §3.3', entry: entry({}, rsa(3072)) }
]

t.test('what is one', async (t) => {
  for (const { name, rule, entry } of validKeys) {
    t.test(`${name} (${rule})`, async (t) => {
      const { keys, dropped } = await toKeySet({ keys: [entry] }, source)
      t.same([...keys.keys()], [entry.kid])
      t.equal(dropped, 0)
      const { n, e } = createPublicKey(keys.get(String(entry.kid))?.pem ?? '').export({ format: 'jwk' })
      t.same({ n, e }, { n: entry.n, e: entry.e }, 'the PEM is this key')
    })
  }
})

t.test('two entries under one kid', async (t) => {
  const sameKid = { ...other, kid: 'first' }
  const cases: { name: string; keys: Entry[]; kids: string[]; dropped: number }[] = [
    { name: 'the same key twice is one', keys: [good, { ...good }], kids: ['first'], dropped: 1 },
    { name: 'two keys are none', keys: [good, sameKid], kids: [], dropped: 2 },
    { name: 'two keys are none, and the rest stays', keys: [good, other, sameKid], kids: ['second'], dropped: 2 },
    { name: 'one key twice and another are none', keys: [good, good, sameKid, other], kids: ['second'], dropped: 3 },
    { name: 'in any order', keys: [sameKid, good, other, good], kids: ['second'], dropped: 3 },
    {
      name: 'one that is no signature key clashes with none',
      keys: [{ ...sameKid, use: 'enc' }, good],
      kids: ['first'],
      dropped: 1
    },
    {
      name: 'one key for two issuers: nobody can say which is meant',
      keys: [{ ...good, issuer: 'https://a.example' }, { ...good, issuer: 'https://b.example' }, other],
      kids: ['second'],
      dropped: 2
    }
  ]
  for (const { name, keys, kids, dropped } of cases) {
    t.test(name, async (t) => {
      if (kids.length === 0) return t.rejects(toKeySet({ keys }, source), /no usable key/)
      const set = await toKeySet({ keys }, source)
      t.same([...set.keys.keys()], kids)
      t.equal(set.dropped, dropped)
      return undefined
    })
  }
})

t.test('what is no key set (RFC 7517 §5: an object with an array "keys")', async (t) => {
  const documents: { name: string; document: unknown }[] = [
    { name: 'null', document: null },
    { name: 'nothing', document: undefined },
    { name: 'a string', document: 'keys' },
    { name: 'a number', document: 1 },
    { name: 'an array', document: [good] },
    { name: 'an empty object', document: {} },
    { name: 'keys is null', document: { keys: null } },
    { name: 'keys is an object', document: { keys: { first: good } } },
    { name: 'keys is a string', document: { keys: 'first' } },
    { name: 'keys is empty', document: { keys: [] } },
    { name: 'one key without a set', document: good },
    { name: 'an error document', document: { error: 'invalid_tenant', error_description: 'AADSTS90002' } }
  ]
  for (const { name, document } of documents) t.test(name, (t) => t.rejects(toKeySet(document, source), Error))
})

t.test('how many entries', async (t) => {
  const many = (count: number) => ({ keys: Array.from({ length: count }, (_, i) => ({ ...good, kid: `kid-${i}` })) })
  t.equal((await toKeySet(many(256), source)).keys.size, 256, 'just few enough, and none is lost on the way')
  await t.rejects(toKeySet(many(257), source), /more than 256/, 'just too many')
})

t.test('the issuer of a key', async (t) => {
  const cases: { name: string; issuer: unknown; expected: string | undefined }[] = [
    { name: 'a concrete one is carried over', issuer, expected: issuer },
    { name: 'a template is carried over', issuer: 'https://x/{tenantid}/v2.0', expected: 'https://x/{tenantid}/v2.0' },
    { name: 'an absent one says nothing', issuer: undefined, expected: undefined },
    { name: 'one that is no string says nothing', issuer: 1, expected: undefined }
  ]
  for (const { name, issuer: published, expected } of cases) {
    const { keys } = await toKeySet({ keys: [entry({ issuer: published })] }, source)
    t.equal(keys.get('under-test')?.issuer, expected, name)
  }
})

t.test('the PEM verifies what the key signed, and nothing else (by jose)', async (t) => {
  const { keys } = await toKeySet({ keys: [good, other] }, source)
  const pem = async (kid: string) => importSPKI(keys.get(kid)?.pem ?? '', 'RS256')
  const token = await sign({ sub: 'somebody' }, {}, first)
  const { payload } = await jwtVerify(token, await pem('first'))
  t.equal(payload.sub, 'somebody')
  await t.rejects(jwtVerify(token, await pem('second')), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
})

t.test('the domain of the issuer does not matter, with or without a slash at its end', async (t) => {
  const [without, withSlash] = await Promise.all([
    toKeySet({ keys: [good] }, { ...source, issuer: 'https://sts.example/tenant' }),
    toKeySet({ keys: [good] }, { ...source, issuer: 'https://sts.example/tenant/' })
  ])
  t.equal(without.keys.get('first')?.pem, withSlash.keys.get('first')?.pem)
  t.ok(without.keys.get('first')?.pem.startsWith('-----BEGIN PUBLIC KEY-----'))
})

t.test('nobody can change a key once it is vetted', async (t) => {
  const { keys } = await toKeySet({ keys: [good] }, source)
  t.ok(Object.isFrozen(keys.get('first')))
})

t.test('a set does not remember the one before: a withdrawn key is gone', async (t) => {
  await toKeySet({ keys: [good, other] }, source)
  const { keys } = await toKeySet({ keys: [other] }, source)
  t.same([...keys.keys()], ['second'])
})

t.test('nothing was fetched for all of this', (t) => {
  t.same(fetched, [])
  t.end()
})
