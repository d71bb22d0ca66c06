/** Attacks on the JOSE header: RFC 7515 §4, RFC 8725 §3, RFC 7797. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { hmac, mint, pss, rsa, type Signature } from './mint.js'
import { type Row, rows, type Table } from './row.js'
import { longKid, type World } from './world.js'

const wrongAlgorithm = '401 invalid_token wrong_algorithm'
const wrongType = '401 invalid_token wrong_token_type'
const unsupported = '401 invalid_token unsupported_header'
const unknownKey = '401 invalid_token unknown_key'

const named = (value: unknown) => (value === '' ? 'an empty string' : String(JSON.stringify(value)).slice(0, 60))
const none: Signature = () => ''

const algorithmRule = 'RFC 8725 §3.1 only the algorithm of the API'

function noneRows(): Row[] {
  const spellings = ['none', 'None', 'NONE', 'nOnE', 'none ', ' none', 'none\u0000', 'nonE']
  return spellings.flatMap((alg) =>
    rows('RFC 8725 §3.2 no token without a signature', wrongAlgorithm, {
      [`alg ${named(alg)}, no signature`]: (world) => world.token({}, { alg }, none),
      [`alg ${named(alg)}, the signature of RS256`]: (world) => world.token({}, { alg })
    })
  )
}

/** Every form in which a public key is passed around, and so may have become the secret of an HMAC. */
const publicForms: Readonly<Record<string, (key: KeyObject) => string | Buffer>> = {
  'its PEM': (key) => String(key.export({ type: 'spki', format: 'pem' })),
  'its PEM without the last line break': (key) => String(key.export({ type: 'spki', format: 'pem' })).trim(),
  'its PEM with CRLF': (key) => String(key.export({ type: 'spki', format: 'pem' })).replaceAll('\n', '\r\n'),
  'its PEM with another line break': (key) => `${String(key.export({ type: 'spki', format: 'pem' }))}\n`,
  'its PEM on one line': (key) => String(key.export({ type: 'spki', format: 'pem' })).replaceAll('\n', ''),
  'its PEM without the armour': (key) =>
    String(key.export({ type: 'spki', format: 'pem' })).replaceAll(/-----.*\n/g, ''),
  'its PKCS#1 PEM': (key) => String(key.export({ type: 'pkcs1', format: 'pem' })),
  'its DER': (key) => key.export({ type: 'spki', format: 'der' }),
  'its PKCS#1 DER': (key) => key.export({ type: 'pkcs1', format: 'der' }),
  'its JWK': (key) => JSON.stringify(key.export({ format: 'jwk' })),
  'its JWK with spaces': (key) => JSON.stringify(key.export({ format: 'jwk' }), null, 2),
  'its modulus in base64url': (key) => String(key.export({ format: 'jwk' }).n),
  'its modulus': (key) => Buffer.from(String(key.export({ format: 'jwk' }).n), 'base64url'),
  'its kid': () => 'key-1',
  nothing: () => ''
}

function confusionRows(): Row[] {
  return [256, 384, 512].flatMap((bits) =>
    Object.entries(publicForms).map(([form, secretOf]) => ({
      rule: 'RFC 8725 §2.1 a public key is no HMAC secret',
      change: `HS${bits} keyed with ${form}`,
      is: wrongAlgorithm,
      token: ({ keys, ...world }: World) =>
        world.token({}, { alg: `HS${bits}` }, hmac(secretOf(createPublicKey(keys.main)), `sha${bits}`))
    }))
  )
}

const properlySigned: Row[] = rows(algorithmRule, wrongAlgorithm, {
  'RS384, properly signed': (world) => world.token({}, { alg: 'RS384' }, rsa(world.keys.main, 'sha384')),
  'RS512, properly signed': (world) => world.token({}, { alg: 'RS512' }, rsa(world.keys.main, 'sha512')),
  'PS256, properly signed': (world) => world.token({}, { alg: 'PS256' }, pss(world.keys.main)),
  'PS384, properly signed': (world) => world.token({}, { alg: 'PS384' }, pss(world.keys.main, 'sha384')),
  'PS512, properly signed': (world) => world.token({}, { alg: 'PS512' }, pss(world.keys.main, 'sha512')),
  'RS1, properly signed': (world) => world.token({}, { alg: 'RS1' }, rsa(world.keys.main, 'sha1')),
  'no alg': (world) => world.token({}, { alg: undefined })
})

const otherAlgorithms: readonly unknown[] = [
  ...['RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'ES256K', 'EdDSA', 'Ed25519', 'Ed448', 'HS256', 'HS1'],
  ...[
    'rs256',
    'Rs256',
    'RS256 ',
    ' RS256',
    'RS256\u0000',
    'RS-256',
    'RSA256',
    'SHA256withRSA',
    'RS256,none',
    'ＲＳ256'
  ],
  ...['RSA-OAEP', 'RSA-OAEP-256', 'RSA1_5', 'dir', 'A128KW', 'PBES2-HS256+A128KW', 'ML-DSA-44', 'unsecured', '*', ''],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '0'],
  ...[null, true, 0, 256, [], ['RS256'], { name: 'RS256' }, { toString: 'RS256' }]
]

const algorithms: Row[] = [
  ...noneRows(),
  ...confusionRows(),
  ...properlySigned,
  ...otherAlgorithms.map((alg) => ({
    rule: algorithmRule,
    change: `alg ${named(alg)}, the signature of RS256`,
    is: wrongAlgorithm,
    token: (world: World) => world.token({}, { alg })
  }))
]

const types: Row[] = [
  ...[
    ...[
      'dpop+jwt',
      'logout+jwt',
      'secevent+jwt',
      'id_token+jwt',
      'rt+jwt',
      'token-introspection+jwt',
      'statuslist+jwt'
    ],
    ...['oauth-authz-req+jwt', 'client-authentication+jwt', 'entity-statement+jwt', 'openid4vci-proof+jwt', 'kb+jwt'],
    ...['vc+sd-jwt', 'dc+sd-jwt', 'vp+jwt', 'passport', 'mdoc', 'oauth.pop', 'pop', 'http+sig', 'example+jwt'],
    ...['application/dpop+jwt', 'application/logout+jwt', 'text/jwt', 'application/application/jwt', 'application/'],
    ...[
      'JOSE',
      'JOSE+JSON',
      'JWE',
      'JWS',
      'JWT ',
      ' JWT',
      'JWT\u0000',
      'J WT',
      'JWTX',
      'at+jwt;v=1',
      'at jwt',
      'at+JWTS'
    ],
    ...['', 'ＪＷＴ', '__proto__', 'at+', '+jwt', 'refresh+jwt'],
    ...[null, 0, true, [], ['JWT'], { typ: 'JWT' }]
  ].map((typ) => ({
    rule: 'RFC 8725 §3.11 explicit types',
    change: `typ ${named(typ)}`,
    is: wrongType,
    token: (world: World) => world.token({}, { typ })
  })),
  ...['jwt', 'Jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'application/jwt', undefined].map((typ) => ({
    rule: 'control: RFC 7515 §4.1.9 the type of an access token',
    change: `typ ${typ ? named(typ) : 'left out'}`,
    is: '200',
    token: (world: World) => world.token({}, { typ })
  }))
]

function critRows(): Row[] {
  const values = [
    ...[[], '', 0, null, false, true, 1, 'exp', {}, { 0: 'exp' }],
    ...[
      ['exp'],
      ['b64'],
      ['alg'],
      ['kid'],
      ['crit'],
      ['unknown'],
      ['x5t', 'x5t'],
      [''],
      [null],
      [0],
      [[]],
      ['__proto__']
    ]
  ]
  return [
    ...values.map((crit) => ({
      rule: 'RFC 7515 §4.1.11 crit',
      change: `crit ${named(crit)}`,
      is: unsupported,
      token: (world: World) => world.token({}, { crit })
    })),
    ...rows('RFC 7516 §4.1, RFC 7519 §5.2 no parameter of encrypted or nested tokens', unsupported, {
      enc: (world) => world.token({}, { enc: 'A256GCM' }),
      'enc, empty': (world) => world.token({}, { enc: '' }),
      zip: (world) => world.token({}, { zip: 'DEF' }),
      'cty JWT': (world) => world.token({}, { cty: 'JWT' }),
      'cty null': (world) => world.token({}, { cty: null })
    }),
    ...rows('RFC 7515 §4.1.11 crit', unsupported, {
      'an extension that is there': (world) =>
        world.token({}, { crit: ['http://example.com/ext'], 'http://example.com/ext': true })
    })
  ]
}

const b64: Row[] = [false, true, 0, null, 'false'].map((value) => ({
  rule: 'RFC 7797 §6 b64',
  change: `b64 ${named(value)}`,
  is: unsupported,
  token: (world: World) => world.token({}, { b64: value })
}))

const jwkOf = (key: KeyObject) => ({ ...createPublicKey(key).export({ format: 'jwk' }), kid: 'key-1', use: 'sig' })
/** Signed by the attacker's key, or, one change only, by the tenant's. Entra sends none of these, and all are refused. */
function bring(name: string, rule: string, make: (world: World) => unknown): Row[] {
  return rows(rule, unsupported, {
    [`${name}, signed by the attacker`]: (world) => world.token({}, { [name]: make(world) }, rsa(world.keys.stranger)),
    [`${name}, signed by the tenant`]: (world) => world.token({}, { [name]: make(world) }),
    [`${name} with a kid of the attacker`]: (world) =>
      world.token({}, { [name]: make(world), kid: 'attacker' }, rsa(world.keys.stranger)),
    [`${name} without a kid`]: (world) =>
      world.token({}, { [name]: make(world), kid: undefined }, rsa(world.keys.stranger))
  })
}

const broughtKeys: Row[] = [
  ...bring('jwk', 'RFC 8725 §3.10 no key out of the token, jwk', ({ keys }) => jwkOf(keys.stranger)),
  ...bring('jku', 'RFC 8725 §3.10 no key from where the token says, jku', ({ attacker }) => `${attacker.origin}/jwks`),
  ...bring('x5u', 'RFC 8725 §3.10 no key from where the token says, x5u', ({ attacker }) => `${attacker.origin}/x5u`),
  ...bring('x5c', 'RFC 8725 §3.10 no key out of the token, x5c', ({ keys }) => [
    createPublicKey(keys.stranger).export({ type: 'spki', format: 'der' }).toString('base64')
  ]),
  ...['', null, [], {}, 0].flatMap((value) =>
    ['jwk', 'jku', 'x5u', 'x5c'].map((name) => ({
      rule: `RFC 8725 §3.10 no header that brings a key, ${name}`,
      change: `${name} ${named(value)}`,
      is: unsupported,
      token: (world: World) => world.token({}, { [name]: value })
    }))
  ),
  ...rows('RFC 8725 §3.10 no key from where the token says, jku', unsupported, {
    'jku with an authority of the tenant and an attacker in userinfo': ({ attacker, tenant, ...world }) =>
      world.token({}, { jku: `${tenant.origin}@${attacker.origin.slice(7)}/jwks` }, rsa(world.keys.stranger)),
    'jku of the tenant itself': ({ tenant, ...world }) =>
      world.token({}, { jku: `${tenant.origin}${tenant.paths.keys}` })
  })
]

const kids: readonly unknown[] = [
  ...[null, true, false, 0, 1, 1e300, {}, [], ['key-1'], [['key-1']], { kid: 'key-1' }, { toString: 'key-1' }],
  ...[
    '',
    'KEY-1',
    'Key-1',
    ' key-1',
    'key-1 ',
    'key-1\u0000',
    'key-1\n',
    'key-1,key-clash',
    'key-',
    'key-11',
    'kеy-1',
    'key‐1'
  ],
  ...[
    '../../../../dev/null',
    '/dev/null',
    'file:///etc/passwd',
    'C:\\Windows\\win.ini',
    '%00',
    '*',
    '.*',
    'key-?',
    '|id',
    '$(id)'
  ],
  ...[
    "' OR '1'='1",
    "x' UNION SELECT 'secret' --",
    '"; DROP TABLE keys; --',
    '{"$ne":null}',
    '#{7*7}',
    '{{7*7}}',
    '\r\nSet-Cookie: a=b'
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'size',
    'get',
    'undefined',
    'null',
    '0'
  ],
  'x'.repeat(8000),
  longKid
]

const kidRows: Row[] = [
  ...kids.map((kid) => ({
    rule: 'RFC 7515 §4.1.4 kid names one published key',
    change: `kid ${named(kid)}${typeof kid === 'string' && kid.length > 60 ? `, ${kid.length} characters` : ''}`,
    is: unknownKey,
    token: (world: World) => world.token({}, { kid })
  })),
  ...rows('RFC 7515 §4.1.4 kid names one published key', unknownKey, {
    'no kid': (world) => world.token({}, { kid: undefined }),
    'no kid, but the x5t': (world) => world.token({}, { kid: undefined, x5t: 'key-1' }),
    'a URL of the attacker': ({ attacker, ...world }) => world.token({}, { kid: `${attacker.origin}/jwks` }),
    'kid in the payload': (world) => world.token({ kid: 'key-1' }, { kid: undefined }),
    'another key name beside, KID': (world) => world.token({}, { kid: undefined, KID: 'key-1' })
  })
]

const controls: Row[] = rows('control: RFC 7515 §4 unknown header parameters are ignored', '200', {
  'a nonce, signed as it is': (world) => world.token({}, { nonce: 'AQABAAAAAAD' }),
  'no x5t': (world) => world.token({}, { x5t: undefined }),
  'a claim in the header (RFC 7519 §5.3)': (world) => world.token({}, { iss: 'https://attacker.example' }),
  'a parameter named __proto__': (world) =>
    mint(
      JSON.stringify(world.header()).replace('{', '{"__proto__":{"alg":"none","crit":[]},'),
      world.user(),
      rsa(world.keys.main)
    )
})

export const header: Table = [...algorithms, ...types, ...critRows(), ...b64, ...broughtKeys, ...kidRows, ...controls]
