import { constants, createHmac, createPublicKey, KeyObject, sign as nodeSign, type webcrypto } from 'node:crypto'
import type { FastifyJwtVerifyOptions } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import { decodeJwt, exportSPKI, importJWK } from 'jose'
import t from 'tap'
import { requireScope } from '../../../src/plugin/index.js'
import { startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { checkRefusal, checkSecrecy, get } from '../../support/http.js'
import {
  callerId,
  clientId,
  type Overrides,
  type SigningKey,
  seconds,
  signingKey,
  startTestTenant,
  tenantId
} from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const stranger: SigningKey = { ...(await signingKey('key-1')), kid: 'key-1' }

const api = await startApi(t, { tenant })
const me = (token: string, origin = api.origin) => get(`${origin}/me`, token)

const json64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const present = (members: Overrides) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

/** The payload of a good user token, with claims replaced, or taken out by `undefined`. */
async function claims(changes: Overrides = {}) {
  return present({ ...decodeJwt(await tenant.userToken()), ...changes })
}

type Signature = (input: string) => string
const rsa =
  (digest = 'sha256', { privateKey } = tenant.key, padding = constants.RSA_PKCS1_PADDING): Signature =>
  (input) =>
    nodeSign(digest, Buffer.from(input), {
      key: KeyObject.from(privateKey as webcrypto.CryptoKey),
      padding,
      saltLength: 32
    }).toString('base64url')
const hmac =
  (secret: string | Buffer): Signature =>
  (input) =>
    createHmac('sha256', secret).update(input).digest('base64url')

/** A token piece by piece, signed by the tenant's own key unless said otherwise: no library that would refuse to. */
async function mint(header: unknown = {}, payload: unknown = {}, signature: Signature = rsa()): Promise<string> {
  const isObject = (value: unknown): value is Overrides => Object.prototype.toString.call(value) === '[object Object]'
  const wholeHeader = isObject(header) ? present({ typ: 'JWT', alg: 'RS256', kid: 'key-1', ...header }) : header
  const wholePayload = isObject(payload) ? await claims(payload) : payload
  const input = `${json64(wholeHeader)}.${json64(wholePayload)}`
  return `${input}.${signature(input)}`
}

const publicPem = await exportSPKI((await importJWK({ ...tenant.key.jwk, alg: 'RS256' })) as webcrypto.CryptoKey)
const publicDer = createPublicKey(publicPem).export({ type: 'spki', format: 'der' })

t.test('a minted token is accepted: each refusal below is for its own reason', async (t) => {
  const answer = await me(await mint())
  t.equal(answer.status, 200)
  t.equal(JSON.parse(answer.body).id, callerId)
})

t.test('good tokens', async (t) => {
  const good: { name: string; rule: string; token: () => Promise<string>; principal: object }[] = [
    { name: 'v2, user', rule: 'Entra rule 1', token: () => tenant.userToken(), principal: { kind: 'user' } },
    { name: 'v2, app', rule: 'Entra rule 6', token: () => tenant.appToken(), principal: { kind: 'app' } },
    {
      name: 'v1, user',
      rule: 'Entra rule 1',
      token: () => tenant.v1Token(),
      principal: { kind: 'user', clientId: callerId }
    },
    {
      name: 'v1, app',
      rule: 'Entra rule 6',
      token: () => tenant.v1Token({ sub: callerId, scp: undefined, roles: ['Directory.Read.All'] }),
      principal: { kind: 'app', roles: ['Directory.Read.All'] }
    },
    {
      name: 'v1, aud with a slash at its end',
      rule: 'Entra rule 4',
      token: () => tenant.v1Token({ aud: `api://${clientId}/` }),
      principal: { kind: 'user' }
    },
    { name: 'typ at+jwt', rule: 'RFC 9068 §2.1', token: () => mint({ typ: 'at+jwt' }), principal: {} },
    {
      name: 'typ application/at+jwt',
      rule: 'RFC 7515 §4.1.9',
      token: () => mint({ typ: 'application/at+jwt' }),
      principal: {}
    },
    {
      name: 'typ in another case',
      rule: 'RFC 7515 §4.1.9: media types',
      token: () => mint({ typ: 'jwt' }),
      principal: {}
    },
    { name: 'no typ', rule: 'RFC 7519 §5.1: optional', token: () => mint({ typ: undefined }), principal: {} },
    {
      name: 'a header parameter that nobody knows',
      rule: 'RFC 7515 §4',
      token: () => mint({ nonsense: 1 }),
      principal: {}
    },
    { name: 'no nbf', rule: 'RFC 7519 §4.1.5: optional', token: () => mint({}, { nbf: undefined }), principal: {} },
    {
      name: 'an exp with a fraction',
      rule: 'RFC 7519 §2: may',
      token: () => mint({}, { exp: seconds() + 9.5 }),
      principal: {}
    }
  ]
  for (const { name, rule, token, principal } of good) {
    t.test(`${name} (${rule})`, async (t) => {
      const sent = await token()
      const answer = await me(sent)
      t.equal(answer.status, 200, answer.body)
      t.match(JSON.parse(answer.body), { id: callerId, tenantId, ...principal })
      checkSecrecy(t, sent, { ...answer, body: '' }, api.logged())
    })
  }
})

interface Bad {
  readonly name: string
  readonly rule: string
  readonly token: () => string | Promise<string>
  /** Where the contract names one. */
  readonly code?: string
  readonly detail?: RegExp
}

const signed = async (at: number, change: (segment: string) => string) =>
  (await mint())
    .split('.')
    .map((segment, i) => (i === at ? change(segment) : segment))
    .join('.')
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** The same bytes, spelt otherwise: 256 bytes leave four bits of the last character unused. */
const twin = (segment: string) => segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.slice(-1)) ^ 1]

const shapes: Bad[] = [
  { name: 'one letter', rule: 'RFC 7515 §7.1', token: () => 'x', code: 'token_malformed' },
  {
    name: 'opaque (RFC 6750 §2.1, example)',
    rule: 'RFC 7515 §7.1',
    token: () => 'mF_9.B5f-4.1JqM',
    code: 'token_malformed'
  },
  { name: 'two parts', rule: 'RFC 7515 §7.1', token: async () => (await mint()).split('.').slice(0, 2).join('.') },
  { name: 'four parts', rule: 'RFC 7515 §7.1', token: async () => `${await mint()}.AAAA` },
  { name: 'five parts (JWE)', rule: 'RFC 7516 §7.1', token: async () => `${await mint()}.AAAA.AAAA` },
  { name: 'dots', rule: 'RFC 7515 §7.1', token: () => '..', code: 'token_malformed' },
  { name: 'padding after it (a b64token)', rule: 'RFC 7515 §2: no padding', token: async () => `${await mint()}==` },
  { name: 'the alphabet of base64', rule: 'RFC 7515 §2: base64url', token: () => signed(2, (s) => `+/${s.slice(2)}`) },
  { name: 'a header of no JSON', rule: 'RFC 7515 §5.2', token: () => mint('no JSON at all'), code: 'token_malformed' },
  { name: 'a header of null', rule: 'RFC 7515 §4: an object', token: () => mint(null), code: 'token_malformed' },
  { name: 'a header of a list', rule: 'RFC 7515 §4', token: () => mint([1]), code: 'token_malformed' },
  {
    name: 'a payload of no JSON',
    rule: 'RFC 7519 §7.2',
    token: () => mint({}, 'no JSON at all'),
    code: 'token_malformed'
  },
  { name: 'a payload of null', rule: 'RFC 7519 §7.2: an object', token: () => mint({}, null), code: 'token_malformed' },
  { name: 'a payload of a list', rule: 'RFC 7519 §7.2', token: () => mint({}, [1]), code: 'token_malformed' },
  { name: 'a payload of a number', rule: 'RFC 7519 §7.2', token: () => mint({}, 42), code: 'token_malformed' },
  { name: 'a payload of a string', rule: 'RFC 7519 §7.2', token: () => mint({}, '"text"'), code: 'token_malformed' },
  { name: 'an empty payload', rule: 'RFC 7519 §7.2', token: () => mint({}, ''), code: 'token_malformed' },
  { name: 'a payload of no claims', rule: 'Entra rules', token: () => mint({}, '{}') }
]

const signatures: Bad[] = [
  {
    name: 'by another key under our kid',
    rule: 'RFC 7515 §5.2',
    token: () => tenant.userToken({}, {}, stranger),
    code: 'invalid_signature'
  },
  {
    name: 'of other claims',
    rule: 'RFC 7515 §5.2',
    token: async () => {
      const more = json64(await claims({ scp: 'access_as_user Admin' }))
      return signed(1, () => more)
    },
    code: 'invalid_signature'
  },
  {
    name: 'of another header',
    rule: 'RFC 7515 §5.2: the header is signed, too',
    token: () => signed(0, () => json64({ alg: 'RS256', kid: 'key-1', typ: 'at+jwt' })),
    code: 'invalid_signature'
  },
  {
    name: 'cut short',
    rule: 'RFC 7515 §5.2',
    token: () => signed(2, (s) => s.slice(0, -2)),
    code: 'invalid_signature'
  },
  { name: 'none', rule: 'RFC 8725 §3.2', token: () => signed(2, () => '') },
  {
    name: 'all zero',
    rule: 'RFC 8017 §5.2.2',
    token: () => signed(2, () => 'A'.repeat(342)),
    code: 'invalid_signature'
  },
  { name: 'spelt otherwise', rule: 'RFC 4648 §3.5: one spelling', token: () => signed(2, twin) }
]

const algorithms: Bad[] = [
  ...['none', 'None', 'NONE', 'nOnE'].flatMap((alg) => [
    { name: `${alg}, unsigned`, rule: 'RFC 8725 §3.2', token: () => mint({ alg }, {}, () => '') },
    { name: `${alg}, with a signature`, rule: 'RFC 8725 §3.2', token: () => mint({ alg }), code: 'wrong_algorithm' }
  ]),
  ...[
    { name: 'the PEM', secret: publicPem },
    { name: 'the PEM without its last line end', secret: publicPem.trim() },
    { name: 'the PEM with a last line end', secret: `${publicPem.trim()}\n` },
    { name: 'the DER', secret: publicDer },
    { name: 'the modulus', secret: tenant.key.jwk.n ?? '' },
    { name: 'nothing', secret: '' }
  ].map(({ name, secret }) => ({
    name: `HS256, the secret is ${name}`,
    rule: 'RFC 8725 §2.1: the public key as an HMAC secret',
    token: () => mint({ alg: 'HS256' }, {}, hmac(secret)),
    code: 'wrong_algorithm'
  })),
  {
    name: 'RS512, by our key',
    rule: 'Entra rule 5',
    token: () => mint({ alg: 'RS512' }, {}, rsa('sha512')),
    code: 'wrong_algorithm'
  },
  {
    name: 'RS384, by our key',
    rule: 'Entra rule 5',
    token: () => mint({ alg: 'RS384' }, {}, rsa('sha384')),
    code: 'wrong_algorithm'
  },
  {
    name: 'PS256, by our key',
    rule: 'Entra rule 5',
    token: () => mint({ alg: 'PS256' }, {}, rsa('sha256', tenant.key, constants.RSA_PKCS1_PSS_PADDING)),
    code: 'wrong_algorithm'
  },
  {
    name: 'RS256 said, RS512 done',
    rule: 'RFC 8725 §3.1',
    token: () => mint({}, {}, rsa('sha512')),
    code: 'invalid_signature'
  },
  { name: 'ES256', rule: 'Entra rule 5', token: () => mint({ alg: 'ES256' }), code: 'wrong_algorithm' },
  {
    name: 'rs256',
    rule: 'RFC 7515 §4.1.1: case-sensitive',
    token: () => mint({ alg: 'rs256' }),
    code: 'wrong_algorithm'
  },
  {
    name: 'no alg',
    rule: 'RFC 7515 §4.1.1: MUST be present',
    token: () => mint({ alg: undefined }),
    code: 'wrong_algorithm'
  },
  {
    name: 'a list that has it',
    rule: 'RFC 7515 §4.1.1: a string',
    token: () => mint({ alg: ['RS256'] }),
    code: 'wrong_algorithm'
  },
  { name: 'null', rule: 'RFC 7515 §4.1.1', token: () => mint({ alg: null }), code: 'wrong_algorithm' },
  { name: '__proto__', rule: 'RFC 7515 §4.1.1', token: () => mint({ alg: '__proto__' }), code: 'wrong_algorithm' }
]

const evilKeys = `${tenant.origin}/evil/keys`
const headers: Bad[] = [
  ...[['exp'], ['b64'], ['x'], [], '', 'x', null, {}].map((crit) => ({
    name: `crit ${JSON.stringify(crit)}`,
    rule: 'RFC 7515 §4.1.11',
    token: () => mint({ crit, x: 1, b64: undefined }),
    code: 'unsupported_header'
  })),
  {
    name: 'b64 false',
    rule: 'RFC 7797 §3',
    token: () => mint({ crit: ['b64'], b64: false }),
    code: 'unsupported_header'
  },
  {
    name: 'jku, signed by the key it leads to',
    rule: 'RFC 8725 §3.10',
    token: () => mint({ jku: evilKeys, kid: 'evil' }, {}, rsa('sha256', stranger))
  },
  { name: 'jku, our kid', rule: 'RFC 8725 §3.10', token: () => mint({ jku: evilKeys }), code: 'unsupported_header' },
  { name: 'x5u', rule: 'RFC 8725 §3.10', token: () => mint({ x5u: evilKeys }), code: 'unsupported_header' },
  {
    name: 'jwk, signed by it',
    rule: 'RFC 8725 §3.10',
    token: () => mint({ jwk: stranger.jwk }, {}, rsa('sha256', stranger)),
    code: 'unsupported_header'
  },
  { name: 'x5c', rule: 'RFC 8725 §3.10', token: () => mint({ x5c: ['AAAA'] }), code: 'unsupported_header' },
  ...['id_token+jwt', 'dpop+jwt', 'logout+jwt', 'secevent+jwt', 'JOSE', '', 42, null, ['JWT'], {}].map((typ) => ({
    name: `typ ${JSON.stringify(typ)}`,
    rule: 'RFC 8725 §3.11; RFC 9068 §4',
    token: () => mint({ typ }),
    code: 'wrong_token_type'
  })),
  ...[
    undefined,
    null,
    42,
    '',
    ['key-1'],
    {},
    'KEY-1',
    'key-1 ',
    '__proto__',
    'constructor',
    '../../key-1',
    'k'.repeat(2000)
  ].map((kid) => ({
    name: `kid ${JSON.stringify(kid)?.slice(0, 20)}`,
    rule: 'Entra rule 5: keys go by kid, exactly',
    token: () => mint({ kid }),
    code: 'unknown_key'
  }))
]

const other = '99999999-2222-4333-8444-555555555555'
const claimed: Bad[] = [
  { name: 'expired', rule: 'RFC 7519 §4.1.4', token: () => mint({}, { exp: seconds() - 3600 }), code: 'token_expired' },
  {
    name: 'not valid yet',
    rule: 'RFC 7519 §4.1.5',
    token: () => mint({}, { nbf: seconds() + 3600 }),
    code: 'token_not_yet_valid'
  },
  ...['iss', 'aud', 'exp', 'iat', 'sub', 'tid', 'ver'].map((claim) => ({
    name: `no ${claim}`,
    rule: 'Entra rules; required claims',
    token: () => mint({}, { [claim]: undefined })
  })),
  ...[null, '9999999999', 1e300, -1, [9_999_999_999], {}, true].map((exp) => ({
    name: `exp ${JSON.stringify(exp)}`,
    rule: 'RFC 7519 §2 NumericDate; the packages’ holes',
    token: () => mint({}, { exp })
  })),
  ...[null, '0', -1e300, {}].map((nbf) => ({
    name: `nbf ${JSON.stringify(nbf)}`,
    rule: 'RFC 7519 §2 NumericDate',
    token: () => mint({}, { nbf })
  })),
  {
    name: 'another issuer',
    rule: 'RFC 7519 §4.1.1',
    token: () => mint({}, { iss: 'https://evil.example/' }),
    code: 'wrong_issuer'
  },
  {
    name: 'another tenant, in iss and tid',
    rule: 'Entra rule 2',
    token: () => mint({}, { iss: `${tenant.origin}/${other}/v2.0`, tid: other }),
    code: 'wrong_issuer'
  },
  {
    name: 'another tenant, in tid',
    rule: 'Entra rule 2: tid is in iss',
    token: () => mint({}, { tid: other }),
    code: 'wrong_tenant'
  },
  {
    name: 'a v1 ver under the v2 issuer',
    rule: 'Entra rule 1',
    token: () => mint({}, { ver: '1.0' }),
    code: 'wrong_version'
  },
  { name: 'another audience', rule: 'RFC 7519 §4.1.3', token: () => mint({}, { aud: other }), code: 'wrong_audience' },
  { name: 'aud a number', rule: 'RFC 7519 §4.1.3', token: () => mint({}, { aud: 42 }), code: 'wrong_audience' },
  { name: 'aud an empty list', rule: 'RFC 7519 §4.1.3', token: () => mint({}, { aud: [] }), code: 'wrong_audience' },
  { name: 'sub a number', rule: 'RFC 7519 §4.1.2', token: () => mint({}, { sub: 42 }) },
  {
    name: 'an ID token: a nonce, no azp, the aud fits',
    rule: 'Entra rule 6',
    token: () => mint({}, { azp: undefined, azpacr: undefined, scp: undefined, nonce: 'n', at_hash: 'x' }),
    code: 'not_an_access_token',
    detail: /ID token/
  },
  {
    name: 'a token bound to a key, sent as Bearer',
    rule: 'RFC 7800 §3, RFC 9449 §7.1',
    token: () => mint({}, { cnf: { jkt: 'x' } }),
    code: 'bound_token'
  },
  {
    name: 'an ID token with c_hash',
    rule: 'Entra rule 6',
    token: () => mint({}, { c_hash: 'x' }),
    code: 'not_an_access_token'
  },
  {
    name: 'Graph',
    rule: 'Entra rule 4: say so by name',
    token: () => mint({}, { aud: '00000003-0000-0000-c000-000000000000' }),
    code: 'wrong_audience',
    detail: new RegExp(`Microsoft Graph.*api://${clientId}/access_as_user`)
  }
]

const groups = { shapes, signatures, algorithms, headers, claimed }
for (const [group, rows] of Object.entries(groups)) {
  t.test(`refused with 401 invalid_token: ${group}`, async (t) => {
    for (const { name, rule, token, code, detail } of rows) {
      t.test(`${name} (${rule})`, async (t) => {
        const sent = await token()
        const before = api.logged().length
        const answer = await me(sent)
        checkRefusal(t, answer, {
          status: 401,
          error: 'invalid_token',
          ...(code && { code }),
          ...(detail && { detail })
        })
        checkSecrecy(t, sent, answer, api.logged().slice(before))
      })
    }
  })
}

t.test('no token makes the API fetch a URL that it names', (t) => {
  const own = Object.values(tenant.paths)
  t.same(
    tenant.requests.filter((path) => !own.includes(path)),
    []
  )
  t.end()
})

t.test('a token for an API of Microsoft, which only that API can verify: a hint (Entra rule 4)', async (t) => {
  const nonce = { nonce: 'a-proof-key-of-Graph' }
  const graph = '00000003-0000-0000-c000-000000000000'
  const hinted: { name: string; token: () => Promise<string>; api: RegExp }[] = [
    {
      name: 'Graph, our kid, a signature over the hashed nonce',
      token: () => mint(nonce, { aud: graph }, rsa('sha256', stranger)),
      api: /Microsoft Graph/
    },
    {
      name: 'Graph, another kid',
      token: () => mint({ ...nonce, kid: 'graph' }, { aud: graph }),
      api: /Microsoft Graph/
    },
    {
      name: 'Graph, as v1 names it, of the v1 issuer',
      token: () =>
        mint(nonce, { aud: 'https://graph.microsoft.com', iss: `https://sts.windows.net/${tenantId}/`, ver: '1.0' }),
      api: /Microsoft Graph/
    },
    {
      name: 'Azure Resource Manager',
      token: () => mint({ kid: 'arm' }, { aud: 'https://management.azure.com' }),
      api: /Azure Resource Manager/
    }
  ]
  for (const { name, token, api } of hinted) {
    t.test(name, async (t) => {
      checkRefusal(t, await me(await token()), { status: 401, error: 'invalid_token', detail: api })
    })
  }

  t.test('no hint for an API that is in no list', async (t) => {
    const { body } = await me(await mint({ kid: 'x' }, { aud: 'https://graph.microsoft.com.evil.example' }))
    t.notMatch(body, /Graph|evil/)
  })
})

t.test('received values appear only once the signature is verified, and capped (the contract)', async (t) => {
  const canary = 'canary-7f3a9'
  const unproven: { name: string; token: () => Promise<string> }[] = [
    { name: 'aud', token: () => mint({}, { aud: canary }, rsa('sha256', stranger)) },
    { name: 'iss', token: () => mint({}, { iss: `https://${canary}.example/` }, rsa('sha256', stranger)) },
    { name: 'tid', token: () => mint({}, { tid: canary }, rsa('sha256', stranger)) },
    { name: 'kid', token: () => mint({ kid: canary }) },
    { name: 'alg', token: () => mint({ alg: canary }) },
    { name: 'typ', token: () => mint({ typ: canary }) },
    { name: 'crit', token: () => mint({ crit: [canary] }) }
  ]
  for (const { name, token } of unproven) {
    t.test(name, async (t) => {
      const before = api.logged().length
      const { status, body, headers } = await me(await token())
      t.equal(status, 401)
      t.notMatch(body + [...headers].join(), canary)
      t.notMatch(api.logged().slice(before), canary)
    })
  }

  t.test('a proven aud, however long', async (t) => {
    const short = await me(await mint({}, { aud: canary }))
    t.match(short.body, canary, 'is named')
    const long = await me(await mint({}, { aud: `${canary}${'x'.repeat(5000)}` }))
    t.equal(long.status, 401)
    t.match(long.body, canary)
    t.ok(long.body.length < 1000, `${long.body.length} characters`)
    const odd = await me(await mint({}, { aud: `a"b\r\nX-Evil: 1\u0000é` }))
    checkRefusal(t, odd, { status: 401, error: 'invalid_token', code: 'wrong_audience' })
    t.equal(odd.headers.get('x-evil'), null)
  })
})

t.test('time, on a frozen clock', async (t) => {
  const strict = await startApi(t, { tenant, options: { clockToleranceSeconds: 0 } })
  const at = seconds() + 100_000
  const bounds: { name: string; rule: string; origin: string; times: Overrides; now: number; status: number }[] = [
    {
      name: 'exp: just in time, with the tolerance',
      rule: 'CLOCK_TOLERANCE_SECONDS is 60',
      origin: api.origin,
      times: { exp: at },
      now: at + 59.999,
      status: 200
    },
    {
      name: 'exp: just too late, with the tolerance',
      rule: 'CLOCK_TOLERANCE_SECONDS is 60',
      origin: api.origin,
      times: { exp: at },
      now: at + 60.001,
      status: 401
    },
    {
      name: 'exp: just in time',
      rule: 'RFC 7519 §4.1.4: before',
      origin: strict.origin,
      times: { exp: at },
      now: at - 0.001,
      status: 200
    },
    {
      name: 'exp: to the millisecond too late',
      rule: 'RFC 7519 §4.1.4: "on or after which" it MUST NOT be accepted',
      origin: strict.origin,
      times: { exp: at },
      now: at,
      status: 401
    },
    {
      name: 'nbf: just too early, with the tolerance',
      rule: 'CLOCK_TOLERANCE_SECONDS is 60',
      origin: api.origin,
      times: { nbf: at, exp: at + 600 },
      now: at - 60.001,
      status: 401
    },
    {
      name: 'nbf: just late enough, with the tolerance',
      rule: 'CLOCK_TOLERANCE_SECONDS is 60',
      origin: api.origin,
      times: { nbf: at, exp: at + 600 },
      now: at - 60,
      status: 200
    },
    {
      name: 'nbf: just too early',
      rule: 'RFC 7519 §4.1.5: "before which"',
      origin: strict.origin,
      times: { nbf: at, exp: at + 600 },
      now: at - 0.001,
      status: 401
    },
    {
      name: 'nbf: to the millisecond',
      rule: 'RFC 7519 §4.1.5: after or equal to',
      origin: strict.origin,
      times: { nbf: at, exp: at + 600 },
      now: at,
      status: 200
    }
  ]
  for (const { name, rule, origin, times, now, status } of bounds) {
    t.test(`${name} (${rule})`, async (t) => {
      const token = await mint({}, times)
      processClock(t).stopWall(Math.round(now * 1000))
      t.equal((await me(token, origin)).status, status)
    })
  }
})

t.test('concurrent requests: each gets its own principal', async (t) => {
  const ids = Array.from({ length: 60 }, (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`)
  const answers = await Promise.all(
    ids.map(async (oid, i) => me(await (i % 2 ? tenant.userToken({ oid }) : tenant.appToken({ oid }))))
  )
  t.same(
    answers.map(({ body }) => JSON.parse(body).id),
    ids
  )
})

t.test('a refused token does not affect the next one on the same connection', async (t) => {
  const good = await mint()
  for (const bad of [
    await mint({}, { exp: 1 }),
    await mint({}, {}, rsa('sha256', stranger)),
    await mint({ kid: 'x' })
  ]) {
    t.equal((await me(bad)).status, 401)
    t.equal((await me(good)).status, 200)
    t.equal((await me(bad)).status, 401, 'nor is it let through after a good one')
  }
})

t.test('rotation', async (t) => {
  const rotating = await startTestTenant(t)
  const routes = { '/me': { preHandler: requireScope('access_as_user') } }
  const { origin } = await startApi(t, { tenant: rotating, routes })
  const fetches = () => rotating.requests.filter((path) => path === rotating.paths.keys).length
  t.equal(fetches(), 1, 'one at start')

  const old = await rotating.userToken()
  t.equal((await get(`${origin}/me`, old)).status, 200)
  const next = await signingKey('key-2')
  rotating.keys = [next.jwk]
  t.equal((await get(`${origin}/me`, old)).status, 200, 'nobody has told the API yet')
  const fresh = await rotating.userToken({}, {}, next)
  const answers = await Promise.all(Array.from({ length: 50 }, () => get(`${origin}/me`, fresh)))
  t.same([...new Set(answers.map(({ status }) => status))], [200], 'the first requests with the new key are served')
  t.equal(fetches(), 2, 'after one refresh, which they share')
  const withdrawn = await get(`${origin}/me`, old)
  checkRefusal(t, withdrawn, { status: 401, code: 'unknown_key', error: 'invalid_token' })
  t.equal(fetches(), 3, 'a key that left asks once more, as the set may flap')
  t.equal((await get(`${origin}/me`, old)).status, 401)

  const unknown = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => get(`${origin}/me`, await rotating.userToken({}, { kid: `x${i}` })))
  )
  t.same([...new Set(unknown.map(({ status }) => status))], [401])
  t.equal(fetches(), 3, 'unknown keys within the cooldown cost no fetch')
})

t.test('request.jwtVerify() verifies the token of the request, whatever options it gets', async (t) => {
  const token = await tenant.userToken()
  const elsewhere = {
    verify: { extractToken: () => token, ignoreExpiration: true }
  } as unknown as FastifyJwtVerifyOptions
  const outcome = (verify: () => Promise<unknown>) => verify().catch((error) => error.code)
  const routes = (app: FastifyInstance) => {
    app.get('/open', { config: { auth: 'none' } }, async (request) => ({
      plain: await outcome(() => request.jwtVerify()),
      extracted: await outcome(() => request.jwtVerify(elsewhere)),
      called: await new Promise((resolve) => request.jwtVerify((error, claims) => resolve(error ?? claims))),
      principal: request.principalOrNull
    }))
    app.get('/closed', async (request) => ({
      claims: await request.jwtVerify(elsewhere),
      principal: request.principal.claims
    }))
  }
  const { get } = await startApi(t, { tenant, routes })
  const said = async (path: string, sent?: string) => JSON.parse((await get(path, sent)).body)
  const { sub } = decodeJwt(token)
  t.match(await said('/open', token), { plain: { sub }, extracted: { sub }, called: { sub }, principal: null })
  t.match(await said('/open'), { plain: 'credentials_missing', extracted: 'credentials_missing', principal: null })
  const forged = `${token.slice(0, -8)}AAAAAAAA`
  t.match(await said('/open', forged), { plain: 'invalid_signature', extracted: 'invalid_signature', principal: null })
  const { claims, principal } = await said('/closed', token)
  t.same(claims, principal, 'the claims that were verified')
})

t.test('the decorator of @fastify/jwt itself verifies nothing: it knows neither tenant nor audience', async (t) => {
  const { get } = await startApi(t, {
    tenant,
    routes: (app) =>
      void app.get('/', { config: { auth: 'none' } }, async (request) =>
        (request as unknown as { fastifyEntraVerify(): Promise<unknown> }).fastifyEntraVerify().then(
          () => 'verified',
          (error) => `refused: ${error.name}`
        )
      )
  })
  for (const token of [await mint(), await mint({}, { aud: 'https://other.example' })])
    t.equal((await get('/', token)).body, 'refused: EntraConfigurationError')
})

t.test('request.jwtVerify() of a request whose key was withdrawn meanwhile', async (t) => {
  const own = await startTestTenant(t)
  const routes = (app: FastifyInstance) =>
    void app.get('/', async (request) => {
      const other = await signingKey('another')
      own.keys = [other.jwk]
      await app.entra.verifyToken(await own.userToken({}, { kid: 'nobody' })).catch(() => {})
      const verified = request as unknown as { jwtVerify(): Promise<unknown> }
      return verified.jwtVerify().catch((error) => ({ code: error.code }))
    })
  const { get } = await startApi(t, { tenant: own, routes })
  t.same(JSON.parse((await get('/', await own.userToken())).body), { code: 'unknown_key' })
})
