/** Random tokens, valid and broken, as data for fast-check: an accepted one with up to three changes, signed by who should, or by another. */
import fc from 'fast-check'
import { ecdsa, eddsa, hmac, pss, rsa, type Signature } from './mint.js'
import { audience, signatureOf } from './provider.js'
import type { Api } from './server.js'
import { callerId, clientId, otherClientId, otherTenantId, seconds, tenantId, type World } from './world.js'

/** A token on its way to be one. */
interface Draft {
  readonly header: Record<string, unknown>
  readonly payload: Record<string, unknown>
  /** The JSON texts, before they are bytes. */
  readonly texts: { header: (json: string) => string; payload: (json: string) => string }
  /** Bytes → segment. */
  encode: (bytes: Buffer) => string
  sign: Signature
  /** The signature, once it is there. */
  signature: (segment: string) => string
  token: (token: string) => string
}

type Change = (draft: Draft, world: World) => void
export type MakeToken = (world: World) => string

/** A change for each of these values. */
const by = <T>(values: fc.Arbitrary<T>, change: (value: T, draft: Draft, world: World) => void): fc.Arbitrary<Change> =>
  values.map((value) => (draft, world) => change(value, draft, world))

const oddValues = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>('', ' ', 0, -1, 1e300, null, true, [], {}, '1.0', '2.0', 'app', 'user', 'a b', ['a'])
)
const knownValues = fc.constantFrom<unknown>(
  ...[
    clientId,
    `api://${clientId}`,
    `api://${clientId}/`,
    [clientId],
    [null, clientId],
    clientId.toUpperCase(),
    audience
  ],
  ...[[audience, 'https://x.example'], `${audience}/`, tenantId, otherTenantId, callerId, otherClientId, 'user-1']
)
const claimNames = [
  ...[
    'iss',
    'aud',
    'exp',
    'nbf',
    'iat',
    'sub',
    'tid',
    'ver',
    'oid',
    'azp',
    'appid',
    'client_id',
    'scp',
    'scope',
    'roles'
  ],
  ...['nonce', 'at_hash', 'c_hash', 'events', 'cnf', 'typ', 'token_use', 'idtyp', 'acct', 'groups', 'TID', 'jti', 'x']
] as const
const parameters = [
  'crit',
  'b64',
  'jwk',
  'jku',
  'x5u',
  'x5c',
  'enc',
  'zip',
  'cty',
  'x5t',
  'kid',
  'alg',
  'typ',
  'x'
] as const
/** Far enough from the tolerance of 60 s that a slow machine changes nothing. */
const offsets = [-1e9, -3600, -600, -75, -40, -0.5, 0, 0.5, 40, 75, 600, 3600, 1e9, 1e12]

const claimChanges: fc.Arbitrary<Change> = fc.oneof(
  by(fc.tuple(fc.constantFrom(...claimNames), fc.oneof(oddValues, knownValues)), ([name, value], { payload }) => {
    payload[name] = value
  }),
  by(fc.constantFrom(...claimNames), (name, { payload }) => {
    delete payload[name]
  }),
  by(fc.tuple(fc.constantFrom('exp', 'nbf', 'iat'), fc.constantFrom(...offsets)), ([name, offset], { payload }) => {
    payload[name] = seconds() + offset
  }),
  by(
    fc.constantFrom<(world: World) => string>(
      ({ v1 }) => v1,
      ({ v2 }) => v2,
      ({ v2 }) => `${v2}/`,
      ({ v2 }) => v2.toUpperCase(),
      ({ v2 }) => v2.replace(tenantId, otherTenantId),
      ({ provider }) => provider.issuer
    ),
    (issuer, { payload }, world) => {
      payload.iss = issuer(world)
    }
  )
)

const kids = [
  ...['key-1', 'key-without-issuer', 'key-with-template', 'key-of-another-issuer', 'key-v2-only', 'key-for-encryption'],
  ...[
    'key-ops-encrypt',
    'key-for-rs384',
    'key-with-private',
    'key-clash',
    'key-1024',
    'key-exponent-3',
    'key-retired',
    ''
  ],
  ...[
    'k'.repeat(257),
    'KEY-1',
    'nobody',
    'rsa',
    'rsa-rs256',
    'rsa-hs256',
    'p256',
    'p256-es384',
    'p256-enc',
    'p256-private'
  ]
]
const types = ['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'application/jwt', 'JOSE', 'dpop+jwt', undefined]
const algorithms = ['none', 'HS256', 'RS384', 'PS256', 'ES256', 'ES384', 'EdDSA', 'rs256']
const headerChanges: fc.Arbitrary<Change> = fc.oneof(
  by(fc.tuple(fc.constantFrom(...parameters), oddValues), ([name, value], { header }) => {
    header[name] = value
  }),
  by(fc.constantFrom(...types), (typ, { header }) => {
    header.typ = typ
  }),
  by(fc.constantFrom(...algorithms), (alg, { header }) => {
    header.alg = alg
  }),
  by(fc.constantFrom(...kids), (kid, draft, world) => {
    draft.header.kid = kid
    draft.sign = signatureUnder(kid, String(draft.header.alg), world)
  }),
  by(fc.constantFrom(...parameters), (name, { header }) => {
    delete header[name]
  })
)

/** By the key that is published under this `kid`, where the algorithm goes with it. */
function signatureUnder(kid: string, alg: string, { keys, provider }: World): Signature {
  if (kid.startsWith('p256')) return ecdsa(provider.keys.p256)
  if (kid.startsWith('rsa')) return alg === 'PS256' ? pss(provider.keys.rsa) : rsa(provider.keys.rsa)
  if (kid === 'key-1024') return rsa(keys.weak)
  if (kid === 'key-exponent-3') return rsa(keys.smallExponent)
  return kid === 'key-1' ? rsa(keys.main) : rsa(keys.special)
}

const textEdits = fc.constantFrom<(json: string) => string>(
  (json) => ` ${json}\n`,
  (json) => `\ufeff${json}`,
  (json) => `${json}x`,
  (json) => `[${json}]`,
  (json) => json.replace('{', '{"x":1,"x":1,'),
  (json) => json.replace('{', '{"aud":"https://x.example",'),
  (json) => json.replace('{', '{"alg":"none",'),
  (json) => json.replace('{', '{"__proto__":{"scp":"x"},'),
  (json) => json.replace('{', '{"y":{"z":1,"z":2},'),
  (json) => json.replace('{"', '{"\\u0078":"'),
  (json) => json.replace('{', '{"x":"\ud83d\ude00\u202e",'),
  // Marks of what is no UTF-8: see `bytesOf`.
  (json) => json.replace('{', '{"x":"\ue000",'),
  (json) => json.replace('{', '{"x":"\ue001",')
)

/** A lone byte of 0xff, and an overlong form: what no UTF-8 has, and no JavaScript string can hold. */
function bytesOf(text: string): Buffer {
  const parts = text.split(/([\ue000\ue001])/).map((part) => {
    if (part === '\ue000') return Buffer.from([0xff])
    return part === '\ue001' ? Buffer.from([0xc0, 0xaf]) : Buffer.from(part)
  })
  return Buffer.concat(parts)
}

const base64url = (bytes: Buffer) => bytes.toString('base64url')
const padded = (segment: string) => segment.padEnd(Math.ceil(segment.length / 4) * 4, '=')
/** The last character, with its unused bits set: the same bytes for a reader that ignores them (RFC 4648 §3.5). */
function unusedBitsSet(segment: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const unused = [0, 0, 15, 3][segment.length % 4] ?? 0
  return segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.slice(-1)) | unused]
}

const encodings: readonly ((bytes: Buffer) => string)[] = [
  (bytes) => bytes.toString('base64'),
  (bytes) => padded(base64url(bytes)),
  (bytes) => unusedBitsSet(base64url(bytes)),
  (bytes) => `${base64url(bytes)}\n`
]
const ofSegment: readonly ((segment: string) => string)[] = [
  padded,
  unusedBitsSet,
  (segment) => segment.slice(0, -(segment.length % 4 || 4)), // whole groups, or its spelling would depend on the signature
  () => '',
  (segment) => `${segment} `
]
const ofToken: readonly ((token: string) => string)[] = [
  (token) => `${token}.`,
  (token) => `${token}.x`,
  (token) => token.replace('.', '..'),
  (token) => ` ${token}`,
  (token) => token.replace('.', '. '),
  (token) => token.split('.').slice(0, 2).join('.')
]
const formChanges: fc.Arbitrary<Change> = fc.oneof(
  by(fc.tuple(fc.constantFrom('header', 'payload'), textEdits), ([part, edit], { texts }) => {
    texts[part as 'header'] = edit
  }),
  by(fc.constantFrom(...encodings), (encode, draft) => {
    draft.encode = encode
  }),
  by(fc.constantFrom(...ofSegment), (change, draft) => {
    draft.signature = change
  }),
  by(fc.constantFrom(...ofToken), (change, draft) => {
    draft.token = change
  })
)

/** DER's length depends on the numbers, and on it whether a spelling of it can be odd. */
const ofOneLength =
  (sign: Signature): Signature =>
  (input) => {
    const segment = sign(input)
    return segment.length === 95 ? segment : ofOneLength(sign)(input)
  }

const signatures: readonly ((world: World) => Signature)[] = [
  ({ keys }) => rsa(keys.stranger),
  ({ keys }) => rsa(keys.main, 'sha384'),
  ({ keys }) => pss(keys.main),
  ({ keys }) => hmac(String(keys.main.export({ format: 'jwk' }).n)),
  ({ provider }) => ofOneLength(ecdsa(provider.keys.p256, 'sha256', 'der')),
  ({ provider }) => ecdsa(provider.keys.p384, 'sha384'),
  ({ provider }) => eddsa(provider.keys.ed25519)
]
const signatureChanges: fc.Arbitrary<Change> = fc.oneof(
  by(fc.constantFrom(...signatures), (sign, draft, world) => {
    draft.sign = sign(world)
  }),
  by(fc.tuple(fc.nat(200), fc.constantFrom(...'AQgw_')), ([share, to], draft) => {
    draft.signature = (segment) => {
      const at = share % Math.max(1, segment.length)
      const other = segment[at] !== to ? to : to === 'A' ? 'Q' : 'A' // or nothing would change, with some signatures
      return segment.slice(0, at) + other + segment.slice(at + 1)
    }
  })
)

const change = fc.oneof(
  { weight: 5, arbitrary: claimChanges },
  { weight: 3, arbitrary: headerChanges },
  { weight: 2, arbitrary: formChanges },
  { weight: 1, arbitrary: signatureChanges }
)
const changes = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Change[]>([]) },
  { weight: 5, arbitrary: fc.array(change, { minLength: 1, maxLength: 1 }) },
  { weight: 3, arbitrary: fc.array(change, { minLength: 2, maxLength: 3 }) }
)

type Base = Pick<Draft, 'header' | 'payload' | 'sign'>
const bases: Readonly<Record<Api, fc.Arbitrary<(world: World) => Base>>> = {
  entra: fc.constantFrom('user', 'app', 'v1User').map((kind) => (world) => ({
    header: { ...world.header() },
    payload: { ...world[kind as 'user']() },
    sign: rsa(world.keys.main)
  })),
  oidc: fc.constantFrom('RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA').map((alg) => ({ provider }) => {
    const [kid, sign] = alg === 'PS256' ? (['rsa', pss(provider.keys.rsa)] as const) : signatureOf(provider, alg)
    return { header: { typ: 'at+jwt', alg, kid }, payload: { ...provider.claims() }, sign }
  })
}

/** Tokens for an API. */
export const randomTokens = (api: Api): fc.Arbitrary<MakeToken> =>
  fc.tuple(bases[api], changes).map(([base, each]) => (world) => {
    const same = <T>(value: T) => value
    const texts = { header: same<string>, payload: same<string> }
    const draft: Draft = { ...base(world), texts, encode: base64url, signature: same, token: same }
    for (const apply of each) apply(draft, world)
    const input = [draft.header, draft.payload]
      .map((members, at) => (at === 0 ? texts.header : texts.payload)(JSON.stringify(members)))
      .map((text) => draft.encode(bytesOf(text)))
      .join('.')
    return draft.token(`${input}.${draft.signature(draft.sign(input))}`)
  })
