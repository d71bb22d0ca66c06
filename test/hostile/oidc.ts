/** Attacks on an API that trusts another provider, with ES256 and RS256: RFC 7518 §3.4, RFC 8725 §3.1, RFC 9068 §4. */
import { createPublicKey } from 'node:crypto'
import { SignJWT } from 'jose'
import { ecdsa, eddsa, hmac, pss, rsa, type Signature } from './mint.js'
import { audience, signatureOf } from './provider.js'
import { type Row, rows, type Table } from './row.js'
import { callerId, otherClientId, type World } from './world.js'

const bad = '401 invalid_token invalid_signature'
const wrongAlgorithm = '401 invalid_token wrong_algorithm'
const unknownKey = '401 invalid_token unknown_key'
const insufficient = '403 insufficient_scope insufficient_permissions'
const notAccess = '401 invalid_token not_an_access_token'

/** The order of P-256's base point (SEC 2, §2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const number = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
const big = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`)

/** ES256, with r and s changed. */
const numbers =
  (change: (r: bigint, s: bigint) => readonly Buffer[]) =>
  ({ provider }: World) => {
    const change64: Signature = (input) => {
      const signature = Buffer.from(ecdsa(provider.keys.p256)(input), 'base64url')
      const changed = change(big(signature.subarray(0, 32)), big(signature.subarray(32)))
      return Buffer.concat(changed).toString('base64url')
    }
    return provider.token({}, {}, change64)
  }
const both = (change: (r: bigint, s: bigint) => readonly [bigint, bigint]) =>
  numbers((r, s) => change(r, s).map(number))

const signatures: Row[] = [
  ...rows('RFC 7518 §3.4 r and s are from 1 to the order', bad, {
    'both zero': both(() => [0n, 0n]),
    'r zero': both((_, s) => [0n, s]),
    's zero': both((r) => [r, 0n]),
    'both one': both(() => [1n, 1n]),
    'r the order': both((_, s) => [order, s]),
    's the order': both((r) => [r, order]),
    'both the order': both(() => [order, order]),
    'r beyond the order': both((_, s) => [order + 1n, s]),
    's plus the order, where it fits': both((r, s) => [r, s + order < 2n ** 256n ? s + order : 2n ** 256n - 1n]),
    'both all ones': both(() => [2n ** 256n - 1n, 2n ** 256n - 1n]),
    'r and s in each other’s place': both((r, s) => [s, r])
  }),
  ...rows('RFC 7518 §3.4 two numbers of 32 bytes each', bad, {
    DER: ({ provider }) => provider.token({}, {}, ecdsa(provider.keys.p256, 'sha256', 'der')),
    'r alone': numbers((r) => [number(r)]),
    'a zero byte after it': numbers((r, s) => [number(r), number(s), Buffer.alloc(1)]),
    'a zero byte before it': numbers((r, s) => [Buffer.alloc(1), number(r), number(s)]),
    'a zero byte before each': numbers((r, s) => [Buffer.alloc(1), number(r), Buffer.alloc(1), number(s)]),
    'cut by one byte': numbers((r, s) => [number(r), number(s).subarray(0, 31)]),
    twice: numbers((r, s) => [number(r), number(s), number(r), number(s)]),
    'as long as ES384’s': numbers((r, s) => [Buffer.alloc(16), number(r), Buffer.alloc(16), number(s)])
  }),
  ...rows('RFC 7515 §5.2 signed by the key that kid names, another provider', bad, {
    'the digest of SHA-384': ({ provider }) => provider.token({}, {}, ecdsa(provider.keys.p256, 'sha384')),
    'a key of another curve': ({ provider }) => provider.token({}, {}, ecdsa(provider.keys.secp256k1)),
    'RS256 under ES256': ({ provider }) => provider.token({}, {}, rsa(provider.keys.rsa)),
    'a key of the tenant': ({ provider, keys }) => provider.token({}, { alg: 'RS256', kid: 'rsa' }, rsa(keys.main)),
    'PSS under RS256': ({ provider }) => provider.token({}, { alg: 'RS256', kid: 'rsa' }, pss(provider.keys.rsa))
  })
]

const signedBy = (alg: string, kid: string, signature: (world: World) => Signature) => (world: World) =>
  world.provider.token({}, { alg, kid }, signature(world))

const algorithms: Row[] = [
  ...rows('RFC 8725 §3.1 an algorithm goes with its key', wrongAlgorithm, {
    'RS256 for an EC key': signedBy('RS256', 'p256', ({ provider }) => rsa(provider.keys.rsa)),
    'ES256 for an RSA key': signedBy('ES256', 'rsa', ({ provider }) => ecdsa(provider.keys.p256)),
    'ES384 for a key of P-256': signedBy('ES384', 'p256', ({ provider }) => ecdsa(provider.keys.p256, 'sha384')),
    'ES512 for a key of P-256': signedBy('ES512', 'p256', ({ provider }) => ecdsa(provider.keys.p256, 'sha512')),
    'ES256 for a key of P-384': signedBy('ES256', 'p384', ({ provider }) => ecdsa(provider.keys.p384)),
    'EdDSA for a key of P-256': signedBy('EdDSA', 'p256', ({ provider }) => ecdsa(provider.keys.p256)),
    'ES256K for a key of secp256k1': signedBy('ES256K', 'secp256k1', ({ provider }) => ecdsa(provider.keys.secp256k1)),
    'PS256 for a key that says RS256': signedBy('PS256', 'rsa-rs256', ({ provider }) => pss(provider.keys.rsa)),
    'RS512 for a key that says RS256': signedBy('RS512', 'rsa-rs256', ({ provider }) =>
      rsa(provider.keys.rsa, 'sha512')
    )
  }),
  ...rows('RFC 8725 §3.2 metadata that lists none and HS256 adds neither', wrongAlgorithm, {
    'none, no signature': signedBy('none', 'p256', () => () => ''),
    'HS256 keyed with the PEM of the EC key': signedBy('HS256', 'p256', ({ provider }) =>
      hmac(String(createPublicKey(provider.keys.p256).export({ type: 'spki', format: 'pem' })))
    ),
    'HS256 keyed with the PEM of the RSA key': signedBy('HS256', 'rsa', ({ provider }) =>
      hmac(String(createPublicKey(provider.keys.rsa).export({ type: 'spki', format: 'pem' })))
    ),
    'HS256 keyed with the JWK of the EC key': signedBy('HS256', 'p256', ({ provider }) =>
      hmac(JSON.stringify(createPublicKey(provider.keys.p256).export({ format: 'jwk' })))
    )
  }),
  ...rows('RFC 7517 §4 a key for another use, another provider', unknownKey, {
    'use enc': signedBy('ES256', 'p256-enc', ({ provider }) => ecdsa(provider.keys.p256)),
    'alg HS256 of an RSA key': signedBy('RS256', 'rsa-hs256', ({ provider }) => rsa(provider.keys.rsa)),
    'alg ES384 of a key of P-256': signedBy('ES256', 'p256-es384', ({ provider }) => ecdsa(provider.keys.p256)),
    'a curve that its point is not on': signedBy('ES256', 'p256-crv', ({ provider }) => ecdsa(provider.keys.p256)),
    'a point off the curve': signedBy('ES256', 'p256-off', ({ provider }) => ecdsa(provider.keys.p256)),
    'a published private key': signedBy('ES256', 'p256-private', ({ provider }) => ecdsa(provider.keys.p256)),
    'a curve that is not accepted': signedBy('ES256', 'secp256k1', ({ provider }) => ecdsa(provider.keys.secp256k1)),
    'a key of the tenant by its kid': signedBy('RS256', 'key-1', ({ keys }) => rsa(keys.main))
  })
]

const unnamed = (alg: string, signature: (world: World) => Signature) => (world: World) =>
  world.provider.token({}, { alg, kid: undefined }, signature(world))

const keyNames: Row[] = [
  ...rows('OpenID Connect Core §10.1 without kid, only where one key fits', unknownKey, {
    'two keys fit, signed by the first': unnamed('PS384', ({ provider }) => pss(provider.keys.rsa, 'sha384')),
    'two keys fit, signed by the second': unnamed('PS384', ({ provider }) => pss(provider.keys.rsa2, 'sha384')),
    ...Object.fromEntries(
      [null, '', 0, [], ['p256'], {}].map((kid) => [
        `a kid that is none: ${JSON.stringify(kid)}`,
        ({ provider }: World) => provider.token({}, { kid })
      ])
    )
  }),
  ...rows('OpenID Connect Core §10.1 without kid, signed by the key that fits', bad, {
    'by a stranger': unnamed('RS256', ({ keys }) => rsa(keys.stranger)),
    'by a key for another alg': unnamed('RS256', ({ provider }) => rsa(provider.keys.rsa2)),
    'by a key that is not accepted': unnamed('ES256', ({ provider }) => ecdsa(provider.keys.secp256k1)),
    'by a key of the tenant': unnamed('RS256', ({ keys }) => rsa(keys.main))
  }),
  ...rows('RFC 7517 §4.5 kid tells keys of one kind apart', unknownKey, {
    'the first of two': signedBy('RS256', 'clash', ({ provider }) => rsa(provider.keys.rsa)),
    'the second of two': signedBy('PS256', 'clash', ({ provider }) => pss(provider.keys.rsa2)),
    'two curves': signedBy('ES256', 'curves', ({ provider }) => ecdsa(provider.keys.p256)),
    'an empty key_ops': signedBy('ES256', 'no-ops', ({ provider }) => ecdsa(provider.keys.p256)),
    'RFC 9864 a key for Ed25519': signedBy('EdDSA', 'ed25519-rfc9864', ({ provider }) => eddsa(provider.keys.ed25519))
  }),
  ...rows('RFC 9864 Ed25519 is not verified by that name', wrongAlgorithm, {
    'with its key': signedBy('Ed25519', 'ed25519-rfc9864', ({ provider }) => eddsa(provider.keys.ed25519)),
    'with a key for EdDSA': signedBy('Ed25519', 'ed25519', ({ provider }) => eddsa(provider.keys.ed25519))
  }),
  ...rows('RFC 7517 §4.5 a kid of two kinds, and the key of the other one', bad, {
    'the RSA key under ES256': signedBy('ES256', 'shared', ({ provider }) => rsa(provider.keys.rsa)),
    'the EC key under RS256': signedBy('RS256', 'shared', ({ provider }) => ecdsa(provider.keys.p256))
  }),
  ...rows('control: RFC 7517 §4.5 keys of two kinds under one kid', '200', {
    'the RSA key': signedBy('RS256', 'shared', ({ provider }) => rsa(provider.keys.rsa)),
    'the EC key': signedBy('ES256', 'shared', ({ provider }) => ecdsa(provider.keys.p256))
  }),
  ...rows('control: RFC 7517 §4.4 one key, listed for each of its algorithms', '200', {
    RS256: signedBy('RS256', 'listed', ({ provider }) => rsa(provider.keys.rsa)),
    PS256: signedBy('PS256', 'listed', ({ provider }) => pss(provider.keys.rsa))
  }),
  ...rows('control: a member of a key that is null is none', '200', {
    'use, key_ops, alg, d, k': signedBy('ES256', 'nulls', ({ provider }) => ecdsa(provider.keys.p256))
  }),
  ...rows('control: OpenID Connect Core §10.1 without kid, one key fits', '200', {
    ES256: unnamed('ES256', ({ provider }) => ecdsa(provider.keys.p256)),
    ES384: unnamed('ES384', ({ provider }) => ecdsa(provider.keys.p384, 'sha384')),
    'RS256, one key under several names': unnamed('RS256', ({ provider }) => rsa(provider.keys.rsa))
  })
]

/** Parameters that name a key, of an issuer that may send them: they are ignored, and nothing is fetched from where they say. */
const references: Readonly<Record<string, (world: World) => unknown>> = {
  jku: ({ attacker }) => `${attacker.origin}/jwks`,
  x5u: ({ attacker }) => `${attacker.origin}/x5u`,
  x5c: ({ keys }) => [createPublicKey(keys.stranger).export({ type: 'spki', format: 'der' }).toString('base64')],
  x5t: () => 'p256',
  'x5t#S256': () => 'p256',
  cty: () => 'text/plain'
}

const ignored: Row[] = Object.entries(references).flatMap(([name, make]) => [
  ...rows(`RFC 8725 §3.10 no key from where the token says, another provider, ${name}`, bad, {
    'signed by the attacker': (world) =>
      world.provider.token({}, { alg: 'RS256', kid: 'rsa', [name]: make(world) }, rsa(world.keys.stranger)),
    'signed by the attacker, without a kid': (world) =>
      world.provider.token({}, { alg: 'RS256', kid: undefined, [name]: make(world) }, rsa(world.keys.stranger))
  }),
  ...rows(`RFC 8725 §3.10 no key from where the token says, another provider, ${name}`, unknownKey, {
    'a kid of the attacker': (world) =>
      world.provider.token({}, { alg: 'RS256', kid: 'attacker', [name]: make(world) }, rsa(world.keys.stranger))
  }),
  ...rows(`control: RFC 7515 §4.1 a reference to the key is ignored, ${name}`, '200', {
    'signed by the provider': (world) => world.provider.token({}, { [name]: make(world) }),
    ...Object.fromEntries(
      ['', null, [], {}, 0].map((value) => [
        `as ${JSON.stringify(value)}`,
        ({ provider }: World) => provider.token({}, { [name]: value })
      ])
    )
  })
])

const unsupported = '401 invalid_token unsupported_header'
const parameters: Row[] = [
  ...ignored,
  ...[
    ...(['crit', 'b64', 'jwk', 'enc', 'zip'] as const).flatMap((name) =>
      ['', null, [], {}, 0, false].map((value) => [name, value] as const)
    ),
    ['crit', ['jku']] as const
  ].map(([name, value]) => ({
    rule: `RFC 7515 §4.1.11, RFC 8725 §3.10, RFC 7516 §4.1 refused of every issuer, ${name}`,
    change: `as ${JSON.stringify(value)}`,
    is: unsupported,
    token: ({ provider }: World) => provider.token({}, { [name]: value })
  })),
  ...rows('RFC 8725 §3.10 no key out of the token, another provider, jwk', unsupported, {
    'signed by the attacker': ({ provider, keys }) =>
      provider.token(
        {},
        { alg: 'RS256', kid: 'rsa', jwk: createPublicKey(keys.stranger).export({ format: 'jwk' }) },
        rsa(keys.stranger)
      )
  }),
  ...['JWT', 'jwt', 'application/jwt', 'Application/JWT', 'at+jwt', 'application/at+jwt', ' JWT ', 'JWT;v=1'].map(
    (cty) => ({
      rule: 'RFC 7519 §5.2 a nested token, another provider',
      change: `cty ${cty}`,
      is: unsupported,
      token: ({ provider }: World) => provider.token({}, { cty })
    })
  ),
  ...rows('control: RFC 7515 §4.1.10 cty of something else is ignored', '200', {
    json: ({ provider }) => provider.token({}, { cty: 'json' }),
    'jwt in a longer word': ({ provider }) => provider.token({}, { cty: 'jwt-claims' }),
    'a list': ({ provider }) => provider.token({}, { cty: ['JWT'] })
  })
]

const claims =
  (changed: Record<string, unknown>, parameters = {}) =>
  ({ provider }: World) =>
    provider.token(changed, parameters)

const payloads: Row[] = [
  ...rows('OpenID Connect Core §2 an ID token of another provider opens no API', notAccess, {
    nonce: claims({ nonce: 'n' }),
    at_hash: claims({ at_hash: 'h' }),
    c_hash: claims({ c_hash: 'h' }),
    'nothing that was granted, typ JWT': claims({ scope: undefined }),
    'a nonce in a token that says Bearer, as those of Keycloak do': claims({ nonce: 'n', typ: 'Bearer' }),
    'Bearer, as those of Keycloak say, and nothing that was granted': claims({ scope: undefined, typ: 'Bearer' }),
    'access, as those of Cognito say, and nothing that was granted': claims({ scope: undefined, token_use: 'access' }),
    'claims of grants that Okta and Auth0 have': claims({
      scope: undefined,
      cid: callerId,
      gty: 'password',
      permissions: []
    }),
    'an ID token of UAA, which has the claims of access tokens': claims({
      ...{
        scope: ['openid'],
        client_id: callerId,
        cid: callerId,
        grant_type: 'authorization_code',
        rev_sig: '4f1e2d3c'
      },
      ...{ roles: ['admin'], user_name: 'ann' }
    }),
    'an ID token of UAA, without cid': claims({
      scope: ['openid', 'openid'],
      client_id: callerId,
      rev_sig: '4f1e2d3c',
      groups: ['staff']
    }),
    'token_use id': claims({ token_use: 'id' }),
    'typ ID': claims({ typ: 'ID' }),
    'typ Refresh': claims({ typ: 'Refresh' }),
    'typ Logout': claims({ typ: 'Logout' }),
    'events of a logout token': claims({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } })
  }),
  ...rows('RFC 8725 §3.11 explicit types, another provider', '401 invalid_token wrong_token_type', {
    'id_token+jwt': claims({}, { typ: 'id_token+jwt' }),
    'logout+jwt': claims({}, { typ: 'logout+jwt' }),
    'dpop+jwt': claims({}, { typ: 'dpop+jwt' })
  }),
  ...rows('RFC 7519 §4.1.3 aud is this API, another provider', '401 invalid_token wrong_audience', {
    'another API': claims({ aud: 'https://users.example' }),
    'a slash more': claims({ aud: `${audience}/` }),
    'a path more': claims({ aud: `${audience}/v1` }),
    'a prefix': claims({ aud: audience.slice(0, -1) }),
    'another case': claims({ aud: audience.toUpperCase() }),
    null: claims({ aud: null }),
    'an empty array': claims({ aud: [] }),
    'an array without it': claims({ aud: ['https://users.example'] }),
    'an array in an array': claims({ aud: [[audience]] }),
    'an object': claims({ aud: { [audience]: true } })
  }),
  ...rows('RFC 9068 §4 what every access token has, another provider', '401 invalid_token missing_claim', {
    'no aud': claims({ aud: undefined }),
    'no exp': claims({ exp: undefined }),
    'neither sub nor client': claims({ sub: undefined, azp: undefined }),
    'no sub, and a client that may act for a user': claims({ sub: undefined }),
    'a sub that is a number': claims({ sub: 7, client_id: callerId })
  }),
  ...rows('RFC 7519 §4.1.1 iss is the issuer, another provider', '401 invalid_token wrong_issuer', {
    'the tenant': (world) => world.provider.token({ iss: world.v2 }),
    'a slash more': (world) => world.provider.token({ iss: `${world.provider.issuer}/` }),
    'another case': (world) => world.provider.token({ iss: world.provider.issuer.toUpperCase() }),
    none: claims({ iss: undefined }),
    'a token of the tenant': (world) => world.token()
  }),
  ...rows('RFC 7519 §4.1.4 exp, another provider', '401 invalid_token token_expired', {
    'past the tolerance': claims({ exp: Math.floor(Date.now() / 1000) - 61 })
  }),
  ...rows('RFC 7519 §4.1.5 nbf, another provider', '401 invalid_token token_not_yet_valid', {
    'before the tolerance': claims({ nbf: Math.floor(Date.now() / 1000) + 3600 })
  }),
  ...rows('RFC 7800 §3 a bound token is no bearer token, another provider', '401 invalid_token bound_token', {
    cnf: claims({ cnf: { jkt: 'x' } })
  }),
  ...rows('only the clients that are allowed, another provider', '403 insufficient_scope client_not_allowed', {
    'another client': claims({ azp: 'stranger' }),
    'a client where Okta has it': claims({ azp: undefined, cid: callerId }),
    'no client': claims({ azp: undefined })
  }),
  ...rows('a token with neither scopes nor roles, another provider', '403 insufficient_scope no_permissions', {
    'an empty scope': claims({ scope: '' }),
    'scopes of the sign-in alone': claims({ scope: 'openid profile email offline_access' }),
    'scope of another type': claims({ scope: 7 }),
    'groups that are no list': claims({ scope: '', groups: 'staff' }),
    'groups of an app': claims({ scope: '', sub: callerId, client_id: callerId, groups: ['staff'] })
  })
]

const byJose = (alg: string) => (world: World) => {
  const { provider } = world
  const [kid] = signatureOf(provider, alg)
  return new SignJWT({ ...provider.claims() }).setProtectedHeader({ alg, kid, typ: 'at+jwt' }).sign(provider.keys[kid])
}

const accepted: Row[] = rows('control: another provider', '200', {
  ...Object.fromEntries(['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256'].map((alg) => [`${alg}, by jose`, byJose(alg)])),
  'ES256, by node:crypto': claims({}),
  'PS256 for a key that says nothing': signedBy('PS256', 'rsa', ({ provider }) => pss(provider.keys.rsa)),
  's and the order minus s: ECDSA has two signatures for a text': both((r, s) => [r, order - s]),
  'aud as an array': claims({ aud: ['https://users.example', audience] }),
  'scp as an array': claims({ scope: undefined, scp: ['read:orders'] }),
  'groups of a user are a grant': claims({ scope: '', groups: ['staff'] }),
  'no sub: the client itself': claims({ sub: null, client_id: callerId })
})

const apps: Row[] = [
  ...rows('RFC 9068 §2.2 a user is no app, another provider', '403 insufficient_scope insufficient_permissions', {
    'client_id in a token of a user': claims({ client_id: callerId }),
    'sub is azp alone': claims({ sub: callerId }),
    'sub is another client than azp': claims({ sub: otherClientId, client_id: otherClientId }),
    'sub is azp, and client_id another client': claims({ sub: callerId, client_id: otherClientId }),
    'sub only begins with the client': claims({ sub: `${callerId}0`, client_id: callerId }),
    'sub is the client, of somebody who signed in': claims({ sub: callerId, client_id: callerId, auth_time: 1 }),
    'sub is the client, with a session': claims({ sub: callerId, client_id: callerId, sid: 's' }),
    'sub is the client, by a password': claims({ sub: callerId, client_id: callerId, amr: ['pwd'] }),
    'sub is the client, by the grant of a person': claims({
      ...{ sub: callerId, client_id: callerId, grant_type: 'authorization_code' }
    }),
    'a grant of a client, exchanged': claims({
      gty: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange']
    }),
    'a grant of a client, and another one': claims({
      gty: 'client_credentials',
      grant_type: 'urn:ietf:params:oauth:grant-type:saml2-bearer'
    }),
    'sub is the client, and one of two grants is a person’s': claims({
      ...{ sub: callerId, client_id: callerId, gty: ['client_credentials', 'password'] }
    })
  }),
  ...rows('RFC 9068 §2.2 an app is no user, another provider', '403 insufficient_scope insufficient_permissions', {
    'ForgeRock’s grant_type': claims({ sub: '(age!daemon)', grant_type: 'client_credentials', auth_time: 1 }),
    'gty of Auth0 and Kinde': claims({ gty: ['client_credentials'] }),
    'aut of WSO2': claims({ aut: 'APPLICATION' })
  }).map((row) => ({ ...row, path: '/user' })),
  ...rows('a token that contradicts itself, another provider', '401 invalid_token invalid_claim', {
    'a grant of a client, and a claim about a person': claims({
      grant_type: 'client_credentials',
      email: 'ann@a.example'
    }),
    'a grant of a client, and a session': claims({ gty: 'client-credentials', sid: 's' })
  }),
  ...rows('rules of one product are for its own tokens', '403 insufficient_scope insufficient_permissions', {
    'the name of a service account of Keycloak': claims({
      ...{ client_id: callerId, typ: 'Bearer', preferred_username: `service-account-${callerId}` }
    }),
    'a service account of Keycloak': claims({
      client_id: callerId,
      typ: 'Bearer',
      clientHost: 'a',
      clientAddress: 'b'
    }),
    'a client of Auth0': claims({ sub: `${callerId}@clients` }),
    'a client of Auth0, by client_id': claims({ sub: `${callerId}@clients`, client_id: callerId }),
    'a service of Okta': claims({ sub: callerId, cid: callerId }),
    'idtyp of Entra': claims({ idtyp: 'app' })
  }),
  ...rows('control: an app of another provider', '200', {
    'sub is the client': claims({ sub: callerId, client_id: callerId }),
    'sub is the client, without azp': claims({ sub: callerId, azp: undefined, client_id: callerId }),
    'no sub': claims({ sub: undefined, client_id: callerId }),
    'a grant of a client, whatever sub is': claims({ grant_type: 'client_credentials' }),
    'sub is the client, whatever Okta and Cognito call their users': claims({
      ...{ sub: callerId, client_id: callerId, uid: '00u1', username: 'ann' }
    })
  })
].map((row) => ({ path: '/app', ...row }))

const chain = (length: number): object =>
  Array.from({ length: length - 1 }).reduce<object>((act) => ({ sub: 'service', act }), { sub: 'service' })

/** What the actor may do, if that were in a token. */
const mighty = { sub: 'service', scope: 'Orders.Read', scp: 'Orders.Read', roles: ['Admin'], groups: ['g'] }

const actors: Row[] = [
  ...rows('RFC 8693 §4.1 act identifies the actor', '401 invalid_token invalid_claim', {
    ...Object.fromEntries(
      ['service', '', 7, true, [], ['service'], [{ sub: 'service' }], {}].flatMap((act) => [
        [JSON.stringify(act), claims({ act })],
        [`a prior one, ${JSON.stringify(act)}`, claims({ act: { sub: 'service', act } })]
      ])
    ),
    ...Object.fromEntries(
      [null, '', 7, ['service'], { sub: 'service' }].map((sub) => [
        `sub ${JSON.stringify(sub)}`,
        claims({ act: { sub, client_id: 'service' } })
      ])
    ),
    'an iss that is no text': claims({ act: { sub: 'service', iss: ['https://id.example'] } }),
    'eleven actors': claims({ act: chain(11) }),
    'thirty actors': claims({ act: chain(30) })
  }),
  ...(['/scope', '/role', '/permission', '/app'] as const).flatMap((path) =>
    rows(`RFC 8693 §4.1 rights of the actor are not the subject’s, ${path}`, insufficient, {
      'in act': claims({ act: mighty }),
      'in a prior one': claims({ act: { sub: 'service', act: mighty } }),
      'in may_act': claims({ may_act: mighty })
    }).map((row) => ({ ...row, path }))
  ),
  ...rows('control: RFC 8693 §4.1 an actor', '200', {
    'a service': claims({ act: { sub: 'service', iss: 'https://id.example' } }),
    'ten actors': claims({ act: chain(10) }),
    null: claims({ act: null })
  })
]

/** All of them go to the API that trusts the other provider. */
export const oidc: Table = [
  ...signatures,
  ...algorithms,
  ...keyNames,
  ...parameters,
  ...payloads,
  ...accepted,
  ...apps,
  ...actors
].map((row) => ({
  ...row,
  api: 'oidc'
}))
