/** Attacks on claims, each in a token that the tenant's own key has signed: RFC 7519 §4, Microsoft's rules for access tokens. */
import { type Members, mint, rsa } from './mint.js'
import { type Row, rows, type Table } from './row.js'
import { callerId, clientId, otherClientId, otherTenantId, rolelessId, seconds, tenantId, type World } from './world.js'

const missingClaim = '401 invalid_token missing_claim'
const invalidClaim = '401 invalid_token invalid_claim'
const wrongIssuer = '401 invalid_token wrong_issuer'
const wrongTenant = '401 invalid_token wrong_tenant'
const wrongVersion = '401 invalid_token wrong_version'
const wrongAudience = '401 invalid_token wrong_audience'
const expired = '401 invalid_token token_expired'
const tooEarly = '401 invalid_token token_not_yet_valid'
const noAccessToken = '401 invalid_token not_an_access_token'
const noPermissions = '403 insufficient_scope no_permissions'
const notAllowed = '403 insufficient_scope client_not_allowed'
const insufficient = '403 insufficient_scope insufficient_permissions'

const named = (value: unknown) => (value === '' ? 'an empty string' : String(JSON.stringify(value)).slice(0, 70))
const user = (claims: Members) => (world: World) => world.token(claims)
const v1 = (claims: Members) => (world: World) => world.v1Token(claims)
/** A payload whose JSON text is changed: for numbers that `JSON.stringify` would never write. */
const text = (name: string, number: string) => (world: World) =>
  mint(world.header(), JSON.stringify(world.user({ [name]: 'HERE' })).replace('"HERE"', number), rsa(world.keys.main))

/** Values that no required claim may have. */
const oddValues: readonly unknown[] = [null, true, false, '', [], {}, [[]], { toString: 'x' }]

function oddRows(name: string, rule: string, is: string, more: readonly unknown[] = []): Row[] {
  return [...oddValues, ...more].map((value) => ({
    rule,
    change: `${name} ${named(value)}`,
    is,
    token: user({ [name]: value })
  }))
}

const required: Row[] = [
  ...['aud', 'exp', 'iat', 'sub', 'tid', 'ver'].map((name) => ({
    rule: `Microsoft: every access token has ${name}`,
    change: `no ${name}`,
    is: missingClaim,
    token: user({ [name]: undefined })
  })),
  ...rows('RFC 7519 §4.1.1 iss', wrongIssuer, { 'no iss': user({ iss: undefined }) }),
  ...oddRows('iss', 'RFC 7519 §4.1.1 iss', wrongIssuer, [0, 1e300]),
  ...oddRows('aud', 'RFC 7519 §4.1.3 aud', wrongAudience, [0, 1]),
  ...oddRows('sub', 'RFC 7519 §4.1.2 sub', invalidClaim, [0, 1, ['pairwise-subject']]),
  ...oddRows('tid', 'Microsoft: tid is the tenant of the issuer', wrongTenant, [0, [tenantId]]),
  ...oddRows('ver', 'Microsoft: ver goes with the issuer', wrongVersion, [0, 2, ['2.0']]),
  ...['exp', 'nbf', 'iat'].flatMap((name) => oddRows(name, `RFC 7519 §2 NumericDate, ${name}`, invalidClaim)),
  ...rows('RFC 7519 §4.1.1 iss', wrongIssuer, {
    'the issuer in an array': (world) => world.token({ iss: [world.v2] }),
    'both issuers in an array': (world) => world.token({ iss: [world.v2, world.v1] })
  }),
  ...rows('RFC 7519 §4.1 claim names have a case', missingClaim, {
    'AUD instead of aud': user({ aud: undefined, AUD: clientId }),
    'Exp instead of exp': (world) => world.token({ exp: undefined, Exp: seconds() + 3600 }),
    'claims inside another object': (world) => world.token({ sub: undefined, claims: { sub: 'pairwise-subject' } })
  })
]

/** `iss` as it is, changed. */
const issuers: Readonly<Record<string, (world: World) => string>> = {
  'a trailing slash': ({ v2 }) => `${v2}/`,
  'two trailing slashes': ({ v2 }) => `${v2}//`,
  'no version': ({ v2 }) => v2.replace('/v2.0', ''),
  'another version': ({ v2 }) => v2.replace('v2.0', 'v3.0'),
  'the version in upper case': ({ v2 }) => v2.replace('v2.0', 'V2.0'),
  'the scheme in upper case': ({ v2 }) => v2.replace('http', 'HTTP'),
  https: ({ v2 }) => v2.replace('http', 'https'),
  'no scheme': ({ v2 }) => v2.replace('http:', ''),
  localhost: ({ v2 }) => v2.replace('127.0.0.1', 'localhost'),
  'the host as a number': ({ v2 }) => v2.replace('127.0.0.1', '2130706433'),
  'the host with a dot at its end': ({ v2 }) => v2.replace('127.0.0.1', '127.0.0.1.'),
  'no port': ({ v2 }) => v2.replace(/:\d+/, ''),
  'another port': ({ v2 }) => v2.replace(/:\d+/, ':1'),
  userinfo: ({ v2 }) => v2.replace('//', '//user@'),
  'the issuer as userinfo of an attacker': ({ v2, attacker }) => v2.replace(/(:\d+)/, `$1@${attacker.origin.slice(7)}`),
  'the origin of an attacker': ({ attacker }) => `${attacker.origin}/${tenantId}/v2.0`,
  'another tenant': ({ v2 }) => v2.replace(tenantId, otherTenantId),
  common: ({ v2 }) => v2.replace(tenantId, 'common'),
  organizations: ({ v2 }) => v2.replace(tenantId, 'organizations'),
  'the template': ({ v2 }) => v2.replace(tenantId, '{tenantid}'),
  'the tenant in braces': ({ v2 }) => v2.replace(tenantId, `{${tenantId}}`),
  'a double slash': ({ v2 }) => v2.replace('/v2.0', '//v2.0'),
  'a dot segment': ({ v2 }) => v2.replace('/v2.0', '/./v2.0'),
  'a dot segment that leads out of another tenant': ({ v2 }) => v2.replace(tenantId, `${otherTenantId}/../${tenantId}`),
  'a percent-encoded dot': ({ v2 }) => v2.replace('v2.0', 'v2%2E0'),
  'a query': ({ v2 }) => `${v2}?`,
  'a fragment': ({ v2 }) => `${v2}#`,
  'a path more': ({ v2 }) => `${v2}/common`,
  'a space at its end': ({ v2 }) => `${v2} `,
  'a space before it': ({ v2 }) => ` ${v2}`,
  'a line break at its end': ({ v2 }) => `${v2}\n`,
  'a NUL at its end': ({ v2 }) => `${v2}\u0000`,
  'a NUL and more': ({ v2 }) => `${v2}\u0000.attacker.example`,
  'cut by one character': ({ v2 }) => v2.slice(0, -1),
  'the issuer twice': ({ v2 }) => v2 + v2,
  'both issuers with a space': ({ v1, v2 }) => `${v2} ${v1}`,
  'a dot that any character would match': ({ v2 }) => v2.replace('127.0.0.1', '127a0a0a1'),
  'the real one of the public cloud': () => `https://login.microsoftonline.com/${tenantId}/v2.0`,
  'the real v1 one of the public cloud': () => `https://sts.windows.net/${tenantId}/`,
  'the tenant alone': () => tenantId,
  'a prototype name': () => '__proto__'
}

const v1Issuers: Readonly<Record<string, (world: World) => string>> = {
  'v1, no trailing slash': ({ v1: issuer }) => issuer.slice(0, -1),
  'v1, two trailing slashes': ({ v1: issuer }) => `${issuer}/`,
  'v1, another tenant': ({ v1: issuer }) => issuer.replace(tenantId, otherTenantId),
  'v1, with a version': ({ v1: issuer }) => `${issuer}v1.0`
}

const issuerRows: Row[] = [
  ...Object.entries(issuers).map(([change, issuer]) => ({
    rule: 'RFC 7519 §4.1.1 iss is the issuer, character by character',
    change,
    is: wrongIssuer,
    token: (world: World) => world.token({ iss: issuer(world) })
  })),
  ...Object.entries(v1Issuers).map(([change, issuer]) => ({
    rule: 'RFC 7519 §4.1.1 iss is the issuer, character by character',
    change,
    is: wrongIssuer,
    token: (world: World) => world.v1Token({ iss: issuer(world) })
  })),
  ...rows('Microsoft: ver goes with the issuer', wrongVersion, {
    'ver 1.0 of a v2 issuer': user({ ver: '1.0' }),
    'ver 1.0 of a v2 issuer, with an appid': user({ ver: '1.0', appid: callerId }),
    'ver 2.0 of a v1 issuer': v1({ ver: '2.0' }),
    'ver 2.0 of a v1 issuer, with an azp': v1({ ver: '2.0', azp: callerId }),
    'the v1 issuer in a v2 token': (world) => world.token({ iss: world.v1 }),
    'the v2 issuer in a v1 token': (world) => world.v1Token({ iss: world.v2 }),
    'ver 2 as a string': user({ ver: '2' }),
    'ver 2.00': user({ ver: '2.00' }),
    'ver 3.0': user({ ver: '3.0' }),
    'ver v2.0': user({ ver: 'v2.0' }),
    'ver with a space': user({ ver: '2.0 ' }),
    'ver 2.0 as a number': text('ver', '2.0')
  }),
  ...rows('Microsoft: tid is the tenant of the issuer', wrongTenant, {
    'another tenant': user({ tid: otherTenantId }),
    'another tenant, v1': v1({ tid: otherTenantId }),
    'the tenant in braces': user({ tid: `{${tenantId}}` }),
    'a space after it': user({ tid: `${tenantId} ` }),
    'without dashes': user({ tid: tenantId.replaceAll('-', '') }),
    'as a URN': user({ tid: `urn:uuid:${tenantId}` }),
    'cut by one character': user({ tid: tenantId.slice(0, -1) }),
    common: user({ tid: 'common' }),
    'the tenant of personal accounts': user({ tid: '9188040d-6c67-4c5b-b112-36a304b66dad' }),
    'the zero GUID': user({ tid: '00000000-0000-0000-0000-000000000000' })
  }),
  ...rows('Microsoft: one tid, by one name', wrongTenant, {
    'TID of another tenant': user({ TID: otherTenantId }),
    'TID of another tenant, v1': v1({ TID: otherTenantId }),
    'Tid of the same one': user({ Tid: tenantId }),
    'TID that is null': user({ TID: null })
  })
]

const audiences: Row[] = [
  ...[
    ...[clientId.toUpperCase(), `${clientId}/`, ` ${clientId}`, `${clientId} `, clientId.slice(0, -1), `${clientId}0`],
    ...[`x${clientId}`, `{${clientId}}`, clientId.replaceAll('-', ''), `api:/${clientId}`, `API://${clientId}`],
    ...[`api://${clientId}/`, `api://${clientId}/access_as_user`, `api://${clientId}/.default`, `spn:${clientId}`],
    ...[`https://${clientId}`, `api://${clientId.toUpperCase()}`, `${clientId},${callerId}`, `${callerId} ${clientId}`],
    ...[
      `${clientId}\u0000`,
      `${clientId}\n`,
      `api://${clientId}?`,
      `api://${clientId}#`,
      `api://x@${clientId}`,
      '*',
      'api://'
    ],
    ...[callerId, tenantId, otherClientId, 'https://api.example.com', 'urn:all', '__proto__', 'undefined', 'null'],
    ...['00000003-0000-0000-c000-000000000000', 'https://graph.microsoft.com', 'https://graph.microsoft.com/'],
    ...['https://management.azure.com', 'https://management.core.windows.net/', '00000002-0000-0000-c000-000000000000'],
    ...[
      [callerId],
      [callerId, tenantId],
      [[clientId]],
      [{ aud: clientId }],
      { aud: clientId },
      { 0: clientId, length: 1 }
    ],
    ...[[`${clientId}/`], [clientId.toUpperCase()], [null, 0], '"\r\nSet-Cookie: a=b\r\n', 'x'.repeat(5000), '”‮']
  ].map((aud) => ({
    rule: 'RFC 7519 §4.1.3 aud is this API',
    change: `aud ${named(aud)}`,
    is: wrongAudience,
    token: user({ aud })
  })),
  ...[
    ...[`${clientId}/`, `api://${clientId}//`, `api://${clientId.toUpperCase()}`, `api://${clientId}/.default`],
    ...[
      `api://${clientId}/x`,
      `api://${clientId.slice(0, -1)}`,
      `/api://${clientId}`,
      `https://${clientId}/`,
      'api:///'
    ]
  ].map((aud) => ({
    rule: 'Microsoft: aud of a v1 token is an App ID URI, with or without one slash',
    change: `v1 aud ${named(aud)}`,
    is: wrongAudience,
    token: v1({ aud })
  })),
  ...rows('control: RFC 7519 §4.1.3 aud', '200', {
    'the client ID in an array': user({ aud: [clientId] }),
    'the client ID among others': user({ aud: ['https://other.example', clientId, callerId] }),
    'the App ID URI in a v2 token': user({ aud: `api://${clientId}` }),
    'the client ID in a v1 token': v1({ aud: clientId }),
    'the App ID URI with a slash in a v1 token': v1({ aud: `api://${clientId}/` }),
    'beside values that are no strings': user({ aud: [null, 1, clientId] })
  })
]

/** 9999-12-31T23:59:59Z. */
const lastSecond = 253_402_300_799
const later = (name: string, by: number) => (world: World) => world.token({ [name]: seconds() + by })

const times: Row[] = [
  ...rows('RFC 7519 §4.1.4 exp, 60 s of tolerance', expired, {
    'exp 60 s ago': later('exp', -60),
    'exp 61 s ago': later('exp', -61),
    'exp 60.5 s ago, a fraction': later('exp', -60.5),
    'exp an hour ago': later('exp', -3600),
    'exp an hour ago, v1': (world) => world.v1Token({ exp: seconds() - 3600 }),
    'exp an hour ago, an app': (world) => world.appToken({ exp: seconds() - 3600 }),
    'exp a year ago': later('exp', -31_536_000),
    'exp 0': user({ exp: 0 }),
    'exp 0.5': user({ exp: 0.5 }),
    'exp 5e-324': user({ exp: 5e-324 }),
    'exp -0': text('exp', '-0'),
    'exp 1': user({ exp: 1 }),
    'exp in days': (world) => world.token({ exp: Math.floor(seconds() / 86_400) + 1 })
  }),
  ...rows('RFC 7519 §4.1.5 nbf, 60 s of tolerance', tooEarly, {
    'nbf in 64 s': later('nbf', 64),
    'nbf in 64.5 s, a fraction': later('nbf', 64.5),
    'nbf in an hour': later('nbf', 3600),
    'nbf in an hour, v1': (world) => world.v1Token({ nbf: seconds() + 3600 }),
    'nbf in a year': later('nbf', 31_536_000),
    'nbf at the end of time': user({ nbf: lastSecond })
  }),
  ...rows('RFC 7519 §4.1.6 iat, 60 s of tolerance', tooEarly, {
    'iat in 64 s': later('iat', 64),
    'iat in 64.5 s, a fraction': later('iat', 64.5),
    'iat in an hour': later('iat', 3600),
    'iat in an hour, no nbf': (world) => world.token({ iat: seconds() + 3600, nbf: undefined }),
    'iat in an hour, v1': (world) => world.v1Token({ iat: seconds() + 3600 }),
    'iat at the end of time': user({ iat: lastSecond })
  }),
  ...['exp', 'nbf', 'iat'].flatMap((name) =>
    rows(`RFC 7519 §2 NumericDate, ${name}`, invalidClaim, {
      [`${name} as a string`]: (world) => world.token({ [name]: String(seconds() + (name === 'exp' ? 3600 : 0)) }),
      [`${name} as an ISO date`]: user({ [name]: new Date(Date.now()).toISOString() }),
      [`${name} in an array`]: (world) => world.token({ [name]: [seconds() + (name === 'exp' ? 3600 : 0)] }),
      [`${name} as an object`]: (world) => world.token({ [name]: { value: seconds() } }),
      [`${name} 1e300`]: user({ [name]: 1e300 }),
      [`${name} 1e999, which is infinite`]: text(name, '1e999'),
      [`${name} -1e999`]: text(name, '-1e999'),
      [`${name} after the year 9999`]: user({ [name]: lastSecond + 1 }),
      [`${name} in milliseconds`]: user({ [name]: Date.now() }),
      [`${name} beyond ECMAScript's dates`]: user({ [name]: 8.64e12 + 1 }),
      [`${name} 2^53`]: user({ [name]: 2 ** 53 }),
      [`${name} 2^64`]: text(name, '18446744073709551616'),
      [`${name} in nanoseconds`]: user({ [name]: Date.now() * 1e6 }),
      [`${name} -1`]: user({ [name]: -1 }),
      [`${name} negative`]: user({ [name]: -1e12 }),
      [`${name} "Infinity"`]: user({ [name]: 'Infinity' })
    })
  ),
  ...rows('control: RFC 7519 §4.1.4, §4.1.5 inside the tolerance', '200', {
    'exp 50 s ago': later('exp', -50),
    'exp 50.5 s ago, a fraction': later('exp', -50.5),
    'exp in a moment, a fraction': later('exp', 1.25),
    'exp in an exponent': text('exp', '4.0e9'),
    'exp the last second of the year 9999': user({ exp: lastSecond }),
    'iat in 55 s': later('iat', 55),
    'nbf in 55 s': later('nbf', 55),
    'nbf a fraction': later('nbf', -0.5),
    'no nbf': user({ nbf: undefined })
  })
]

const otherTokens: Row[] = [
  ...rows('RFC 8417 §2.2 a security event opens no API', noAccessToken, {
    'the event of a logout': user({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }),
    'events that are null': user({ events: null }),
    'events in a v1 token': v1({ events: {} })
  }),
  ...rows('OpenID Connect Core §2 an ID token opens no API, nonce', noAccessToken, {
    'a nonce': user({ nonce: 'n-0S6_WzA2Mj' }),
    'a nonce that is null': user({ nonce: null }),
    'a nonce in a v1 token': v1({ nonce: 'n-0S6_WzA2Mj' }),
    'an ID token as Entra sends it': user({ nonce: 'abc', azp: undefined, azpacr: undefined, scp: undefined })
  }),
  ...rows('OpenID Connect Core §3.3.2.11 an ID token opens no API, at_hash', noAccessToken, {
    at_hash: user({ at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' })
  }),
  ...rows('OpenID Connect Core §3.3.2.11 an ID token opens no API, c_hash', noAccessToken, {
    c_hash: user({ c_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' })
  }),
  ...rows('Microsoft: an access token names its client', noAccessToken, {
    'no azp': user({ azp: undefined }),
    'no appid in v1': v1({ appid: undefined }),
    'appid instead of azp in v2': user({ azp: undefined, appid: callerId }),
    'azp instead of appid in v1': v1({ appid: undefined, azp: callerId }),
    'a logout token': user({
      azp: undefined,
      scp: undefined,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} }
    })
  }),
  ...[null, '', 0, true, [], {}, [callerId]].map((azp) => ({
    rule: 'Microsoft: an access token names its client',
    change: `azp ${named(azp)}`,
    is: noAccessToken,
    token: user({ azp })
  }))
]

const bound: Row[] = [
  { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' },
  { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' },
  { jwk: { kty: 'RSA', n: 'x', e: 'AQAB' } },
  { kid: 'key-1', xms_ksl: 'sw' },
  {},
  null,
  ''
].map((cnf) => ({
  rule: 'RFC 7800 §3 a bound token is no bearer token',
  change: `cnf ${named(cnf)}`,
  is: '401 invalid_token bound_token',
  token: user({ cnf })
}))

const clients: Row[] = [
  ...[
    otherTenantId,
    clientId,
    callerId.toUpperCase(),
    ` ${callerId}`,
    `${callerId} `,
    `${callerId},x`,
    '__proto__',
    '*'
  ].map((azp) => ({
    rule: 'Microsoft: azp, appid; only the clients that are allowed',
    change: `azp ${named(azp)}`,
    is: notAllowed,
    token: user({ azp })
  })),
  ...rows('Microsoft: azp, appid; only the clients that are allowed', notAllowed, {
    'another appid in v1': v1({ appid: otherTenantId }),
    'an allowed appid beside another azp': user({ azp: otherTenantId, appid: callerId })
  }),
  ...rows('control: azp, appid of clients that are allowed', '200', {
    'another client of the list': user({ azp: otherClientId }),
    'another client of the list, v1': v1({ appid: otherClientId })
  })
]

const permissionRule = 'Microsoft: a token with neither scopes nor roles opens nothing'
const permissions: Row[] = [
  ...[undefined, null, '', ' ', '/', ' / ', 0, true, [], {}, ['access_as_user'], { 0: 'access_as_user' }].map(
    (scp) => ({
      rule: permissionRule,
      change: scp === undefined ? 'no scp' : `scp ${named(scp)}`,
      is: noPermissions,
      token: user({ scp })
    })
  ),
  ...[
    undefined,
    null,
    '',
    'Directory.Read.All',
    0,
    true,
    [],
    {},
    [null],
    [0],
    [['Directory.Read.All']],
    { 0: 'Admin' }
  ].map((roles) => ({
    rule: permissionRule,
    change: roles === undefined ? 'an app without roles' : `an app with roles ${named(roles)}`,
    is: noPermissions,
    token: (world: World) => world.appToken({ roles })
  })),
  ...rows(permissionRule, noPermissions, {
    'an app with a scp': (world) => world.appToken({ roles: undefined, scp: 'access_as_user' }),
    'scope in place of scp': user({ scp: undefined, scope: 'access_as_user' }),
    'role in place of roles': (world) => world.appToken({ roles: undefined, role: ['Directory.Read.All'] }),
    'wids and groups are no permissions': user({ scp: undefined, wids: [callerId], groups: [callerId] }),
    'another client that is allowed': (world) => world.appToken({ roles: undefined, azp: otherClientId })
  }),
  ...rows('control: clients that may come without permissions', '200', {
    'an app without roles': (world) => world.appToken({ roles: undefined, azp: rolelessId }),
    'a user without a scp': user({ scp: undefined, azp: rolelessId })
  })
]

const guarded = (path: string, rule: string, is: string, changes: Record<string, Row['token']>): Row[] =>
  rows(rule, is, changes).map((row) => ({ ...row, path }))

const kindUnknown = '403 insufficient_scope caller_kind_unknown'
const membershipUnknown = '403 insufficient_scope membership_unknown'
const directory = (tid: string) => `https://sts.windows.net/${tid}/`
/** Neither a user's nor an app's, for all that it shows. */
const unshown = { idtyp: undefined, scp: undefined, oid: undefined, roles: ['Admin', 'Directory.Read.All'] }

const kind = 'Microsoft: a token shows whether a user or an app calls'

const callers: Row[] = [
  ...['/optional', '/role', '/permission', '/member'].flatMap((path) =>
    guarded(path, `${kind}, ${path}`, kindUnknown, {
      'without idtyp, scp and oid': user(unshown),
      'idtyp App': user({ idtyp: 'App', acct: 0, roles: ['Admin', 'Directory.Read.All'] })
    })
  ),
  ...rows(kind, kindUnknown, {
    'without idtyp, scp and oid': user(unshown),
    'without them, v1': v1(unshown),
    'an app without idtyp and oid': (world) => world.appToken({ idtyp: undefined, oid: undefined }),
    'a scope of spaces': user({ ...unshown, scp: '  ' }),
    'a scope of /': user({ ...unshown, scp: '/' }),
    'an empty oid': user({ ...unshown, oid: '' }),
    'an oid that is no string': user({ ...unshown, oid: [callerId] }),
    'scopes in a list, and oid = sub': user({ ...unshown, oid: callerId, sub: callerId, scp: ['Orders.Read'] }),
    'idtyp device': user({ idtyp: 'device' }),
    'idtyp device, of an app': (world) => world.appToken({ idtyp: 'device' }),
    'idtyp in a list': (world) => world.appToken({ idtyp: ['app'] }),
    'idtyp true': user({ idtyp: true }),
    'an empty idtyp': user({ idtyp: '' })
  }),
  ...guarded('/member', 'Microsoft: only who is shown to be a member', membershipUnknown, {
    'neither acct nor idp': user({}),
    'neither, v1': v1({}),
    'an acct that is neither': user({ acct: 2 }),
    'an acct that is neither, and idp': user({ acct: true, idp: directory(tenantId) }),
    'an idp that is no string': user({ idp: [directory(tenantId)] }),
    'xms_idrel alone': user({ xms_idrel: '1' })
  }),
  ...guarded('/member', 'Microsoft: a guest is no member', insufficient, {
    'acct 1': user({ acct: 1 }),
    'acct 1, and idp of the directory': user({ acct: '1', idp: directory(tenantId) }),
    'idp of another directory': user({ idp: directory(otherTenantId) }),
    'idp of the directory, by somebody else': user({ idp: `https://evil.example/${tenantId}/` }),
    'xms_idrel of a guest': user({ acct: 0, xms_idrel: '30 5' }),
    'xms_idrel of a partner': user({ idp: directory(tenantId), xms_idrel: '11' }),
    'an app': (world) => world.appToken({ acct: 0 })
  }),
  ...guarded('/member', 'Microsoft: an agent is no member', insufficient, {
    'an agent for a user': user({ acct: 0, xms_act_fct: '3 9 11' }),
    'the user account of an agent': user({ acct: 0, xms_sub_fct: '13' }),
    'a parent application': user({ acct: 0, xms_par_app_azp: otherClientId })
  }),
  ...guarded('/member', 'control: a member', '200', {
    'acct 0': user({ acct: 0 }),
    'acct 0, v1': v1({ acct: 0 }),
    'an external member': user({ acct: 0, idp: directory(otherTenantId) }),
    'idp of the directory': user({ idp: directory(tenantId) }),
    'facets of ordinary users': user({ acct: 0, xms_act_fct: '3 9', xms_sub_fct: '2 3', xms_idrel: '1 30' })
  })
]

const agentUnknown = '403 insufficient_scope agent_unknown'
const ordinary = { xms_act_fct: '3 9', xms_sub_fct: '2 3' }
const agentIds = 'Microsoft: Token claims reference for agent IDs'
/** Facets that no token of Entra has: of other types, of other spellings, and those that are not known yet. */
const unreadable = [null, 11, true, ['11'], { 11: 1 }, '', ' ', '011', '11.0', '3\t11', '3,11', 'x', '15', '3 9 15']

const agents: Row[] = [
  ...guarded('/agent', `${agentIds}, only who is shown to be an agent`, agentUnknown, {
    'no facets': user({}),
    'no facets, v1': v1({}),
    'no facets, an app': (world) => world.appToken({}),
    'a parent alone': user({ xms_par_app_azp: otherClientId }),
    'a parent, an app': (world) => world.appToken({ xms_par_app_azp: otherClientId }),
    'facets of the tenant': user({ xms_tnt_fct: '11 13' }),
    'the facet of a client alone': user({ xms_act_fct: '3 9' }),
    act: user({ act: { sub: otherClientId, xms_act_fct: '11' } }),
    ...Object.fromEntries(
      unreadable.map((value) => [JSON.stringify(value), user({ xms_act_fct: value, xms_sub_fct: value })])
    )
  }),
  ...guarded('/agent', `${agentIds}, a person or an app is no agent`, insufficient, {
    'a user': user({ ...ordinary, acct: 0 }),
    'a user, v1': v1(ordinary),
    'an app': (world) => world.appToken(ordinary)
  }),
  ...guarded('/agent', `control: ${agentIds}, an agent`, '200', {
    'on behalf of a user': user({ xms_act_fct: '3 9 11', xms_sub_fct: '2 3' }),
    'on behalf of a user, v1': v1({ xms_act_fct: '11' }),
    'by its own user account': user({ xms_act_fct: '11 9 3', xms_sub_fct: '13 3' }),
    'for itself': (world) => world.appToken({ xms_act_fct: '3 9 11', xms_sub_fct: '9 3 11' })
  }),
  ...guarded('/human', `${agentIds}, only who is shown to be no agent`, agentUnknown, {
    'no facets': user({ acct: 0 }),
    'no facets, v1': v1({ acct: 0 }),
    'no facets of the client': user({ xms_sub_fct: '2 3' }),
    'no facets of the subject': user({ xms_act_fct: '3 9' }),
    ...Object.fromEntries(
      unreadable.flatMap((value) => [
        [`the client ${JSON.stringify(value)}`, user({ ...ordinary, xms_act_fct: value })],
        [`the subject ${JSON.stringify(value)}`, user({ ...ordinary, xms_sub_fct: value })]
      ])
    )
  }),
  ...guarded('/human', `${agentIds}, an agent is no person`, insufficient, {
    'on behalf of a user': user({ acct: 0, xms_act_fct: '3 9 11', xms_sub_fct: '2 3' }),
    'on behalf of a user, nothing else said': user({ acct: 0, xms_act_fct: '11' }),
    'by its own user account': user({ acct: 0, xms_act_fct: '11 9 3', xms_sub_fct: '13 3' }),
    'by its own user account, through a client': user({ acct: 0, xms_act_fct: '3 9', xms_sub_fct: '13' }),
    'a parent, and facets of a user': user({ ...ordinary, acct: 0, xms_par_app_azp: otherClientId }),
    'for itself': (world) => world.appToken({ xms_act_fct: '3 9 11', xms_sub_fct: '9 3 11' }),
    'an app': (world) => world.appToken(ordinary)
  }),
  ...guarded('/human', `control: ${agentIds}, a person`, '200', {
    'a user': user(ordinary),
    'a user, v1': v1(ordinary),
    'a guest': user({ ...ordinary, acct: 1 }),
    'even numbers mean nothing': user({ xms_act_fct: '4 3 16', xms_sub_fct: '6' })
  })
]

const guards: Row[] = [
  ...guarded('/permission', 'Microsoft: a role of a user is no permission of an app', insufficient, {
    'a user with a role of that name': user({ roles: ['Directory.Read.All'] }),
    'a user with a role of that name and no scope': user({ roles: ['Directory.Read.All'], scp: undefined }),
    'a user with a role of that name, idtyp user': user({ roles: ['Directory.Read.All'], idtyp: 'user' }),
    'a user with a scope of that name': user({ scp: 'Directory.Read.All' }),
    'another case': (world) => world.appToken({ roles: ['directory.read.all'] }),
    'a prefix': (world) => world.appToken({ roles: ['Directory.Read'] }),
    'two in one string': (world) => world.appToken({ roles: ['Directory.Read.All Admin'] })
  }),
  ...guarded('/role', 'Microsoft: a permission of an app is no role of a user', insufficient, {
    'an app with a permission of that name': (world) => world.appToken({ roles: ['Admin'] }),
    'an app without idtyp': (world) => world.appToken({ roles: ['Admin'], idtyp: undefined }),
    'another case': user({ roles: ['admin'] }),
    'a space': user({ roles: ['Admin '] }),
    'a string': user({ roles: 'Admin' }),
    nested: user({ roles: [['Admin']] })
  }),
  ...guarded('/scope', 'RFC 6749 §3.3 scopes are words, and have a case', insufficient, {
    'another scope': user({}),
    'a longer scope': user({ scp: 'Orders.Read.All' }),
    'a shorter scope': user({ scp: 'Orders' }),
    'another case': user({ scp: 'orders.read' }),
    'a comma between scopes': user({ scp: 'Orders.Read,Orders.Write' }),
    'a tab between scopes': user({ scp: 'Orders.Read\tOrders.Write' }),
    'with the App ID URI': user({ scp: `api://${clientId}/Orders.Read` }),
    'an app with a role of that name': (world) => world.appToken({ roles: ['Orders.Read'] })
  }),
  ...guarded('/scope', 'control: the scope', '200', { 'among others': user({ scp: 'a Orders.Read b' }) }),
  ...guarded('/role', 'control: the role', '200', { 'among others': user({ roles: ['a', 'Admin'] }) }),
  ...guarded('/permission', 'control: the permission', '200', { 'of an app': (world) => world.appToken() })
]

export const claims: Table = [
  ...required,
  ...issuerRows,
  ...audiences,
  ...times,
  ...otherTokens,
  ...bound,
  ...clients,
  ...permissions,
  ...callers,
  ...agents,
  ...guards
]
