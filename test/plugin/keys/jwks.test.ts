import { createPublicKey, generateKeyPairSync, type KeyObject, sign as signBytes, verify } from 'node:crypto'
import { importSPKI, jwtVerify, SignJWT } from 'jose'
import t from 'tap'
import {
  type Algorithm,
  algorithmNames,
  type KeySet,
  reuseUnchangedKeys,
  toKeySet,
  type VerificationKey
} from '../../../src/plugin/keys/jwks.js'
import { sign, signingKey } from '../../support/tenant.js'

type Entry = Record<string, unknown>

const issuer = 'https://login.example/tenant/v2.0'
const source = { issuer, algorithms: ['RS256'], allowsUnnamed: false } as const
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

const kidsOf = (keys: readonly VerificationKey[]) => keys.map(({ kid }) => kid)
const named = (keys: readonly VerificationKey[], name: string) => keys.find(({ kid }) => kid === name)

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
  { name: 'a kid that is null, which is none', rule: 'Entra rule 5', entry: entry({ kid: null }) },
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
      t.same(kidsOf(keys), ['first'])
      t.equal(dropped, 1)
      await t.rejects(toKeySet({ keys: [entry] }, source), /no usable key/, 'and alone it makes no set')
    })
  }

  t.test('all of them at once', async (t) => {
    const { keys, dropped } = await toKeySet({ keys: [...noKeys.map(({ entry }) => entry), good] }, source)
    t.same(kidsOf(keys), ['first'])
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
      t.same(kidsOf(keys), [entry.kid])
      t.equal(dropped, 0)
      const { n, e } = createPublicKey(named(keys, String(entry.kid))?.pem ?? '').export({ format: 'jwk' })
      t.same({ n, e }, { n: entry.n, e: entry.e }, 'the PEM is this key')
    })
  }
})

t.test('two entries under one kid', async (t) => {
  const sameKid = { ...other, kid: 'first' }
  const cases: { name: string; keys: Entry[]; kids: string[]; dropped: number }[] = [
    { name: 'the same key twice is one, and nothing is lost', keys: [good, { ...good }], kids: ['first'], dropped: 0 },
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
      t.same(kidsOf(set.keys), kids)
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

t.test('how many entries are read', async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ ...good, kid: `kid-${i}` }))
  const all = await toKeySet({ keys: many(1024) }, source)
  t.match({ ...all, keys: all.keys.length }, { keys: 1024, dropped: 0, unread: 0 }, 'just few enough, and none is lost')
  const more = await toKeySet({ keys: [null, ...many(1024)] }, source)
  t.match({ ...more, keys: more.keys.length }, { keys: 1023, dropped: 1, unread: 1 }, 'of more the first are read')
  t.notOk(named(more.keys, 'kid-1023'), 'and no other')
  await t.rejects(toKeySet({ keys: [...Array(1024), good] }, source), /no usable key/, 'not even if it is the only one')
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
    t.equal(named(keys, 'under-test')?.issuer, expected, name)
  }
})

t.test('the PEM verifies what the key signed, and nothing else (by jose)', async (t) => {
  const { keys } = await toKeySet({ keys: [good, other] }, source)
  const pem = async (kid: string) => importSPKI(named(keys, kid)?.pem ?? '', 'RS256')
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
  t.equal(named(without.keys, 'first')?.pem, named(withSlash.keys, 'first')?.pem)
  t.ok(named(without.keys, 'first')?.pem.startsWith('-----BEGIN PUBLIC KEY-----'))
})

t.test('nobody can change a key once it is vetted', async (t) => {
  const { keys } = await toKeySet({ keys: [good] }, source)
  t.ok(Object.isFrozen(named(keys, 'first')))
})

t.test('a set does not remember the one before: a withdrawn key is gone', async (t) => {
  await toKeySet({ keys: [good, other] }, source)
  const { keys } = await toKeySet({ keys: [other] }, source)
  t.same(kidsOf(keys), ['second'])
})

/** A provider that may use anything. */
const any = { issuer, algorithms: algorithmNames, allowsUnnamed: false } as const

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const pairs = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  secp256k1: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  Ed25519: generateKeyPairSync('ed25519'),
  Ed448: generateKeyPairSync('ed448'),
  X25519: generateKeyPairSync('x25519'),
  X448: generateKeyPairSync('x448')
} satisfies Record<string, Pair>
type Name = keyof typeof pairs

/** A key as published, with members replaced, or taken out by `undefined`; nothing but the key unless told. */
const jwkOf = (name: Name, members: Entry = {}) =>
  entry(members, { ...pairs[name].publicKey.export({ format: 'jwk' }) })

/** What a key may verify in a set that RS256 keeps from being empty. */
async function algorithmsOf(jwk: Entry, allowed: readonly Algorithm[] = algorithmNames): Promise<string> {
  const { keys } = await toKeySet(
    { keys: [jwk, { ...good, kid: 'another' }] },
    { issuer, algorithms: [...allowed, 'RS256'], allowsUnnamed: false }
  )
  return named(keys, 'under-test')?.algorithms.join(' ') ?? 'dropped'
}

/** As serializers write a class with a field for each member (RFC 7517 §4, RFC 7518 §6). */
const nulls = Object.fromEntries(
  ['use', 'key_ops', 'alg', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'issuer'].map(
    (name) => [name, null]
  )
)

const ofRsa = 'RS256 RS384 RS512 PS256 PS384 PS512'
const able: { rule: string; jwk: Entry; allowed?: Algorithm[]; is: string }[] = [
  { rule: 'RFC 7518 §3.3, §3.5: RSA, neither alg nor use', jwk: jwkOf('rsa'), is: ofRsa },
  { rule: 'RFC 7518 §3.4: P-256', jwk: jwkOf('P-256'), is: 'ES256' },
  { rule: 'RFC 7518 §3.4: P-384', jwk: jwkOf('P-384'), is: 'ES384' },
  { rule: 'RFC 7518 §3.4: P-521 goes with SHA-512', jwk: jwkOf('P-521'), is: 'ES512' },
  { rule: 'RFC 8037 §3.1: Ed25519', jwk: jwkOf('Ed25519'), is: 'EdDSA' },

  { rule: 'RFC 7517 §4.4: alg narrows', jwk: jwkOf('rsa', { alg: 'PS256' }), is: 'PS256' },
  { rule: 'RFC 7517 §4.4: alg RS512', jwk: jwkOf('rsa', { alg: 'RS512' }), is: 'RS512' },
  { rule: 'RFC 7517 §4.4: alg of the curve', jwk: jwkOf('P-256', { alg: 'ES256', use: 'sig' }), is: 'ES256' },
  { rule: 'RFC 7517 §4.4: alg EdDSA', jwk: jwkOf('Ed25519', { alg: 'EdDSA' }), is: 'EdDSA' },
  { rule: 'RFC 7517 §4.4: of another kind of key', jwk: jwkOf('rsa', { alg: 'ES256' }), is: 'dropped' },
  { rule: 'RFC 7518 §3.4: of another curve', jwk: jwkOf('P-256', { alg: 'ES384' }), is: 'dropped' },
  { rule: 'RFC 7518 §3.4: ES512 is P-521’s', jwk: jwkOf('P-384', { alg: 'ES512' }), is: 'dropped' },
  { rule: 'RFC 8812 §3.2: ES256K is secp256k1’s', jwk: jwkOf('P-256', { alg: 'ES256K' }), is: 'dropped' },
  { rule: 'RFC 7518 §4.6: ECDH-ES is key agreement', jwk: jwkOf('P-256', { alg: 'ECDH-ES' }), is: 'dropped' },
  { rule: 'RFC 8725 §2.1: HS256', jwk: jwkOf('rsa', { alg: 'HS256' }), is: 'dropped' },
  { rule: 'RFC 8725 §3.2: none', jwk: jwkOf('P-256', { alg: 'none' }), is: 'dropped' },
  { rule: 'RFC 7517 §4.4: alg has a case', jwk: jwkOf('P-256', { alg: 'es256' }), is: 'dropped' },
  { rule: 'a null member is none: alg', jwk: jwkOf('P-256', { alg: null }), is: 'ES256' },
  { rule: 'a null member is none: every one that a JWK may have', jwk: jwkOf('P-256', nulls), is: 'ES256' },
  { rule: 'a null member is none: of an OKP key', jwk: jwkOf('Ed25519', nulls), is: 'EdDSA' },
  { rule: 'a null member is none: of an RSA key', jwk: jwkOf('rsa', nulls), is: ofRsa },
  { rule: 'RFC 9864: Ed25519 is not EdDSA', jwk: jwkOf('Ed25519', { alg: 'Ed25519' }), is: 'dropped' },
  { rule: 'RFC 7517 §4.4: alg is a string: a list', jwk: jwkOf('P-256', { alg: ['ES256'] }), is: 'dropped' },
  { rule: 'alg empty', jwk: jwkOf('P-256', { alg: '' }), is: 'dropped' },
  { rule: 'alg of every object', jwk: jwkOf('P-256', { alg: 'constructor' }), is: 'dropped' },

  {
    rule: 'RFC 8725 §3.1: of those that are accepted',
    jwk: jwkOf('rsa'),
    allowed: ['PS512', 'ES256'],
    is: 'RS256 PS512'
  },
  { rule: 'RFC 8725 §3.1: accepted', jwk: jwkOf('P-256'), allowed: ['ES256'], is: 'ES256' },
  { rule: 'RFC 8725 §3.1: not accepted', jwk: jwkOf('P-384'), allowed: ['ES256'], is: 'dropped' },
  { rule: 'RFC 8725 §3.1: EdDSA not accepted', jwk: jwkOf('Ed25519'), allowed: ['ES256'], is: 'dropped' },
  { rule: 'accepted, and not its own alg', jwk: jwkOf('rsa', { alg: 'PS256' }), allowed: ['PS512'], is: 'dropped' },

  { rule: 'RFC 7517 §4.2: use enc', jwk: jwkOf('P-256', { use: 'enc' }), is: 'dropped' },
  { rule: 'RFC 7517 §4.3: key_ops verify', jwk: jwkOf('P-256', { key_ops: ['verify'] }), is: 'ES256' },
  { rule: 'RFC 7517 §4.3: key_ops deriveBits', jwk: jwkOf('P-256', { key_ops: ['deriveBits'] }), is: 'dropped' }
]

t.test('what a key may verify: what such a key can, its own alg, and what is accepted of its issuer', async (t) => {
  for (const { rule, jwk, allowed, is } of able) t.equal(await algorithmsOf(jwk, allowed), is, rule)
})

t.test('one key that is listed once for each of its algorithms, under one kid', async (t) => {
  const listed = (...algs: (string | undefined)[]) => algs.map((alg) => jwkOf('rsa', { alg }))
  const able = async (...keys: Entry[]) =>
    (await toKeySet({ keys: [...keys, good] }, any)).keys.map(({ algorithms }) => algorithms.join(' '))
  for (const keys of [listed('RS256', 'PS256'), listed('PS256', 'RS256'), listed('PS256', 'HS256', 'RS256', 'PS256')])
    t.strictSame(await able(...keys), ['RS256 PS256', ofRsa], 'whatever the order')
  t.strictSame(await able(...listed('RS256', undefined)), [ofRsa, ofRsa], 'an entry without alg restricts nothing')
  t.strictSame(
    await able(...listed('RS256'), { ...good, kid: 'under-test', alg: 'PS256' }),
    [ofRsa],
    'two keys are two'
  )
  const { keys, dropped } = await toKeySet({ keys: listed('RS256', 'PS256', 'HS256') }, any)
  t.strictSame([keys.length, dropped], [1, 1], 'each entry that counts is used')
  const restricted = await toKeySet({ keys: listed('RS256', 'PS256') }, { ...any, algorithms: ['PS256'] })
  t.strictSame(restricted.keys[0]?.algorithms, ['PS256'], 'of those that are accepted')
})

t.test('keys without a kid, where tokens without one are accepted (OpenID Connect Core §10.1)', async (t) => {
  const unnamed = { ...any, allowsUnnamed: true }
  const kids = async (...keys: Entry[]) => kidsOf((await toKeySet({ keys }, unnamed)).keys)
  t.strictSame(await kids(jwkOf('rsa', { kid: undefined }), jwkOf('P-256', { kid: null })), [undefined, undefined])
  t.strictSame(
    await kids(jwkOf('rsa', { kid: undefined }), { ...good, kid: undefined }),
    [undefined, undefined],
    'none clashes'
  )
  t.strictSame(
    await kids(jwkOf('rsa', { kid: undefined, alg: 'RS256' }), jwkOf('rsa', { kid: undefined, alg: 'PS256' })),
    [undefined]
  )
  for (const kid of ['', 7, [], 'k'.repeat(257)])
    t.strictSame(
      await kids(jwkOf('rsa', { kid }), good),
      ['first'],
      `${JSON.stringify(kid).slice(0, 9)} is no name, and not none`
    )
})

t.test('what is not supported is named', async (t) => {
  const names = async (...keys: unknown[]) => (await toKeySet({ keys: [...keys, good] }, any)).unsupported
  t.strictSame(await names(jwkOf('Ed25519', { alg: 'Ed25519' }), jwkOf('Ed25519', { alg: 'Ed25519', kid: 'b' })), [
    'Ed25519'
  ])
  t.strictSame(await names(jwkOf('secp256k1'), { kty: 'AKP', kid: 'pq', alg: 'ML-DSA-65' }), ['secp256k1', 'ML-DSA-65'])
  t.strictSame(await names({ kty: 'AKP', kid: 'pq' }), ['AKP'])
  t.strictSame(
    await names(jwkOf('P-256', { alg: 'ES384' }), jwkOf('rsa', { use: 'enc', alg: 'RSA-OAEP' })),
    [],
    'others are not'
  )
  t.strictSame(await names(jwkOf('P-256', { alg: ['ES256'] }), null, 7, 'key', {}), [], 'nor garbage')
  const invented = Array.from({ length: 20 }, (_, at) => jwkOf('rsa', { kid: `${at}`, alg: `${at}${'x'.repeat(100)}` }))
  const bounded = await names(...invented)
  t.strictSame([bounded.length, ...new Set(bounded.map(({ length }) => length))], [8, 32], 'bounded')
})

const { x: p256x, y: p256y } = jwkOf('P-256')
const { x: p384x, y: p384y } = jwkOf('P-384')
const noCurves: { rule: string; jwk: Entry }[] = [
  { rule: 'RFC 8812 §3: secp256k1 is not accepted', jwk: jwkOf('secp256k1') },
  { rule: 'RFC 8812 §3: secp256k1 under another name', jwk: jwkOf('secp256k1', { crv: 'P-256K' }) },
  { rule: 'RFC 8812 §3: secp256k1 that calls itself P-256', jwk: jwkOf('secp256k1', { crv: 'P-256' }) },
  { rule: 'RFC 8037 §3.1: Ed448 is not accepted', jwk: jwkOf('Ed448') },
  { rule: 'RFC 8037 §3.1: Ed448 that calls itself Ed25519', jwk: jwkOf('Ed448', { crv: 'Ed25519' }) },
  { rule: 'RFC 8037 §3.2: X25519 agrees on keys, and signs nothing', jwk: jwkOf('X25519') },
  { rule: 'RFC 8037 §3.2: X448', jwk: jwkOf('X448') },
  { rule: 'RFC 7518 §6.2.1.1: crv of a longer curve', jwk: jwkOf('P-256', { crv: 'P-384' }) },
  { rule: 'RFC 7518 §6.2.1.1: crv of a shorter curve', jwk: jwkOf('P-384', { crv: 'P-256' }) },
  { rule: 'RFC 7518 §6.2.1.1: crv has a case', jwk: jwkOf('P-256', { crv: 'p-256' }) },
  { rule: 'RFC 7518 §6.2.1.1: crv by its name elsewhere', jwk: jwkOf('P-256', { crv: 'prime256v1' }) },
  { rule: 'RFC 7518 §6.2.1.1: crv is required', jwk: jwkOf('P-256', { crv: undefined }) },
  { rule: 'RFC 7518 §6.2.1.1: crv is a string: a list', jwk: jwkOf('P-256', { crv: ['P-256'] }) },
  { rule: 'RFC 7517 §4.1: kty OKP of an EC key', jwk: jwkOf('P-256', { kty: 'OKP' }) },
  { rule: 'RFC 7517 §4.1: kty EC of an OKP key', jwk: jwkOf('Ed25519', { kty: 'EC' }) },
  { rule: 'RFC 7517 §4.1: kty RSA of an OKP key', jwk: jwkOf('Ed25519', { kty: 'RSA' }) },
  { rule: 'RFC 7517 §4.1: kty EC of an RSA key', jwk: jwkOf('rsa', { kty: 'EC', crv: 'P-256' }) },
  { rule: 'RFC 7517 §4.1: kty has a case', jwk: jwkOf('P-256', { kty: 'ec' }) },
  { rule: 'RFC 7518 §6.2.1: a point off the curve', jwk: jwkOf('P-256', { x: p256y, y: p256x }) },
  { rule: 'RFC 7518 §6.2.1: y of another point', jwk: jwkOf('P-256', { y: p256x }) },
  { rule: 'RFC 7518 §6.2.1: a point of P-384', jwk: jwkOf('P-256', { x: p384x, y: p384y }) },
  { rule: 'SEC 1 §3.2.2.1: nought is no point', jwk: jwkOf('P-256', { x: uint(0), y: uint(0) }) },
  { rule: 'RFC 7518 §6.2.1.2: x is required', jwk: jwkOf('P-256', { x: undefined }) },
  { rule: 'RFC 7518 §6.2.1.3: y is required', jwk: jwkOf('P-256', { y: undefined }) },
  { rule: 'RFC 7518 §6.2.1.2: x empty', jwk: jwkOf('P-256', { x: '' }) },
  { rule: 'RFC 7518 §6.2.1.2: x a number', jwk: jwkOf('P-256', { x: 7 }) },
  { rule: 'RFC 8037 §2: x is required', jwk: jwkOf('Ed25519', { x: undefined }) },
  { rule: 'RFC 8037 §2: x empty', jwk: jwkOf('Ed25519', { x: '' }) },
  {
    rule: 'RFC 8032 §5.1.5: 32 bytes, not 31',
    jwk: jwkOf('Ed25519', { x: Buffer.alloc(31, 7).toString('base64url') })
  },
  {
    rule: 'RFC 8032 §5.1.5: 32 bytes, not 33',
    jwk: jwkOf('Ed25519', { x: Buffer.alloc(33, 7).toString('base64url') })
  },
  { rule: 'RFC 8037 §2: x a number', jwk: jwkOf('Ed25519', { x: 7 }) },
  { rule: 'RFC 7518 §6.2.2: a private EC key', jwk: jwkOf('P-256', { d: p256x }) },
  {
    rule: 'RFC 8037 §2: a private OKP key',
    jwk: jwkOf('Ed25519', { ...pairs.Ed25519.privateKey.export({ format: 'jwk' }) })
  },
  { rule: 'a private member, be it empty', jwk: jwkOf('P-256', { d: '' }) },
  { rule: 'RFC 7518 §6.3.2: other primes', jwk: jwkOf('rsa', { oth: [] }) },
  { rule: 'RFC 7518 §6.4.1: a symmetric one beside it', jwk: jwkOf('P-256', { k: 'eA' }) },
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'].flatMap((name) => [
    { rule: `no kty: ${name}`, jwk: jwkOf('P-256', { kty: name }) },
    { rule: `no crv: ${name}`, jwk: jwkOf('P-256', { crv: name }) },
    { rule: `no crv of OKP: ${name}`, jwk: jwkOf('Ed25519', { crv: name }) }
  ]),
  {
    rule: 'what came by another name is no member',
    jwk: JSON.parse(`{"kid":"under-test","__proto__":{"kty":"EC","crv":"P-256","x":"${p256x}","y":"${p256y}"}}`)
  }
]

t.test('what is no key for signatures never drops the rest, whatever is accepted', async (t) => {
  for (const { rule, jwk } of noCurves) t.equal(await algorithmsOf(jwk), 'dropped', rule)
})

/** By whom a PEM was made does not matter: the same key has one SPKI in DER (RFC 5280 §4.1, RFC 5480 §2, RFC 8410 §3). */
const spki = ({ publicKey }: Pair) => publicKey.export({ type: 'spki', format: 'der' })
const derOf = (pem = '') => createPublicKey(pem).export({ type: 'spki', format: 'der' })

t.test('the PEM verifies what a key of each kind signed (by jose)', async (t) => {
  const kinds: [Name, ...Algorithm[]][] = [
    ['rsa', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
    ['P-256', 'ES256'],
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
    ['Ed25519', 'EdDSA']
  ]
  t.strictSame(kinds.flatMap(([, ...names]) => names).sort(), [...algorithmNames].sort(), 'all that there are')
  for (const [name, ...algorithms] of kinds) {
    const { keys } = await toKeySet({ keys: [jwkOf(name)] }, any)
    const { pem = '' } = named(keys, 'under-test') ?? {}
    t.strictSame(derOf(pem), spki(pairs[name]), name)
    for (const alg of algorithms) {
      const token = await new SignJWT({ sub: 'somebody' }).setProtectedHeader({ alg }).sign(pairs[name].privateKey)
      const { payload } = await jwtVerify(token, await importSPKI(pem, alg))
      t.equal(payload.sub, 'somebody', alg)
    }
  }
})

/** A key one of whose coordinates begins with a zero byte: one in 256 has such an x, and one in 256 such a y. */
function withLeadingZero(namedCurve: 'P-256' | 'P-384' | 'P-521', coordinate: 'x' | 'y'): Pair {
  for (;;) {
    const pair = generateKeyPairSync('ec', { namedCurve })
    const bytes = Buffer.from(String(pair.publicKey.export({ format: 'jwk' })[coordinate]), 'base64url')
    if (bytes[0] === 0) return pair
  }
}

t.test('RFC 7518 §6.2.1.2: coordinates have the length of the field; shorter ones have been seen', async (t) => {
  const curves = [
    ['P-256', 'sha256'],
    ['P-384', 'sha384'],
    ['P-521', 'sha512']
  ] as const
  for (const [crv, digest] of curves) {
    for (const coordinate of ['x', 'y'] as const) {
      const pair = withLeadingZero(crv, coordinate)
      const whole = pair.publicKey.export({ format: 'jwk' }) as Record<'x' | 'y', string>
      const bytes = Buffer.from(whole[coordinate], 'base64url')
      const signature = signBytes(digest, Buffer.from('text'), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
      const rows: [what: string, bytes: Buffer][] = [
        ['whole', bytes],
        ['without its leading zero', bytes.subarray(1)],
        ['with one more', Buffer.concat([Buffer.alloc(1), bytes])]
      ]
      for (const [what, changed] of rows) {
        const told = `${crv}, ${coordinate} ${what}`
        const jwk = entry({ [coordinate]: changed.toString('base64url') }, { ...whole })
        const { pem = '' } = named((await toKeySet({ keys: [jwk] }, any)).keys, 'under-test') ?? {}
        t.strictSame(derOf(pem), spki(pair), `${told}: the same key`)
        const key = { key: pem, dsaEncoding: 'ieee-p1363' } as const
        t.ok(verify(digest, Buffer.from('text'), key, signature), `${told}: verifies`)
        t.notOk(verify(digest, Buffer.from('other'), key, signature), `${told}: and nothing else`)
      }
    }
  }
})

t.test('one key of each kind in one set, and two kinds under one kid', async (t) => {
  const kinds = ['rsa', 'P-256', 'P-384', 'P-521', 'Ed25519'] as const
  const all = kinds.map((name) => jwkOf(name, { kid: name }))
  const { keys, dropped } = await toKeySet({ keys: all }, any)
  t.strictSame([kidsOf(keys), dropped], [[...kinds], 0])
  for (const key of keys) t.ok(Object.isFrozen(key) && Object.isFrozen(key.algorithms), String(key.kid))

  const both = { keys: [jwkOf('rsa'), jwkOf('P-256')] }
  const able = (set: KeySet) => set.keys.map(({ kid, algorithms }) => `${kid} ${algorithms.join(' ')}`)
  t.strictSame(able(await toKeySet(both, any)), [`under-test ${ofRsa}`, 'under-test ES256'], 'RFC 7517 §4.5: by kty')
  const curves = { keys: [jwkOf('P-256'), jwkOf('P-384')] }
  await t.rejects(toKeySet(curves, any), /no usable key/, 'two of one kty: nobody can say which is meant')
  const only = await toKeySet(both, { issuer, algorithms: ['ES256'], allowsUnnamed: false })
  t.strictSame(named(only.keys, 'under-test')?.algorithms, ['ES256'], 'what may verify nothing clashes with none')
})

t.test('a key that stayed as it was stays the same object; one that changed in any way does not', async (t) => {
  const rows: { rule: string; before: Entry[]; after: Entry[]; same: boolean }[] = [
    { rule: 'the same key', before: [jwkOf('rsa')], after: [jwkOf('rsa')], same: true },
    { rule: 'beside another set of keys', before: [jwkOf('rsa'), other], after: [good, jwkOf('rsa')], same: true },
    { rule: 'published with a use', before: [jwkOf('rsa')], after: [jwkOf('rsa', { use: 'sig' })], same: true },
    {
      rule: 'RFC 7517 §4.4: another alg',
      before: [jwkOf('rsa')],
      after: [jwkOf('rsa', { alg: 'PS256' })],
      same: false
    },
    { rule: 'Entra rule 3: another issuer', before: [jwkOf('rsa')], after: [jwkOf('rsa', { issuer })], same: false },
    { rule: 'another key under its kid', before: [jwkOf('rsa')], after: [jwkOf('P-256')], same: false },
    { rule: 'its key under another kid', before: [jwkOf('rsa', { kid: 'old' })], after: [jwkOf('rsa')], same: false }
  ]
  for (const { rule, before, after, same } of rows) {
    const [old, fresh] = [await toKeySet({ keys: before }, any), await toKeySet({ keys: after }, any)]
    const kept = reuseUnchangedKeys(fresh, old)
    t.strictSame(kept, fresh, `${rule}: what the new set says`)
    t.equal(named(kept.keys, 'under-test') === named(old.keys, 'under-test'), same, rule)
  }
  const first = await toKeySet({ keys: [good, null] }, any)
  t.strictSame(reuseUnchangedKeys(first, undefined), first, 'the first set')
})

t.test('nothing was fetched for all of this', (t) => {
  t.same(fetched, [])
  t.end()
})

t.test(
  'keys of another of Microsoft’s clouds, which the public one publishes beside its own, are none of the issuer’s',
  async (t) => {
    const ours = { ...good, kid: 'ours', cloud_instance_name: 'microsoftonline.com' }
    const theirs = { ...good, kid: 'theirs', cloud_instance_name: 'microsoftonline.us' }
    const silent = { ...good, kid: 'silent' }
    const kidsIn = async (cloudInstance: string | undefined) => {
      const { keys, dropped } = await toKeySet({ keys: [ours, theirs, silent] }, { ...source, cloudInstance })
      return { kids: kidsOf(keys), dropped }
    }
    t.same(await kidsIn('microsoftonline.com'), { kids: ['ours', 'silent'], dropped: 1 })
    t.same(await kidsIn('microsoftonline.us'), { kids: ['theirs', 'silent'], dropped: 1 })
    t.same(await kidsIn(undefined), { kids: ['ours', 'theirs', 'silent'], dropped: 0 }, 'a document that says nothing')
  }
)
