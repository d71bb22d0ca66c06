/** Claims where well-known providers have them, and where options say that they are. */

import t from 'tap'
import type { Claims } from '../../../src/plugin/claims/principal.js'
import { firstRefusal } from '../../../src/plugin/issuers/token-rules.js'
import { type OidcOptions, oidcAuthority } from '../../../src/plugin/oidc/options.js'
import type { ProviderName } from '../../../src/plugin/oidc/providers.js'

const audience = 'https://orders.example'
const issuer = 'https://id.example'
const key = { kid: 'k', pem: 'PEM', algorithms: ['RS256'] } as const
const access = { iss: issuer, aud: audience, sub: 'ann', azp: 'spa', scope: 'openid', iat: 1, exp: 2 }

function using(options: Partial<OidcOptions>) {
  const [{ profile, keysOrigin }] = oidcAuthority({ issuer, audience, ...options }).issuers
  return {
    keysOrigin,
    codeOf: (claims: Claims, header = {}) => firstRefusal(profile.checks, { header, claims, key })?.code,
    of: (claims: Claims) => profile.toPrincipal({ ...access, ...claims })
  }
}

const without = (claims: Claims, ...names: string[]) =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))

t.test('roles and groups by option: a claim, a path, a list of names', (t) => {
  const rows: { rule: string; claim: string | readonly string[]; claims: Claims; is: string[] }[] = [
    { rule: 'a claim', claim: 'permissions', claims: { permissions: ['a', 'b'] }, is: ['a', 'b'] },
    { rule: 'a claim with a colon', claim: 'cognito:groups', claims: { 'cognito:groups': ['a'] }, is: ['a'] },
    { rule: 'a path', claim: 'realm_access.roles', claims: { realm_access: { roles: ['a'] } }, is: ['a'] },
    {
      rule: 'a claim that is a URL',
      claim: 'https://x.example/roles',
      claims: { 'https://x.example/roles': ['a'] },
      is: ['a']
    },
    {
      rule: 'a list',
      claim: ['resource_access', 'my.api', 'roles'],
      claims: { resource_access: { 'my.api': { roles: ['a'] } } },
      is: ['a']
    },
    { rule: 'a list of one name, with dots', claim: ['a.b'], claims: { 'a.b': ['x'], a: { b: ['y'] } }, is: ['x'] },
    { rule: 'one string, by commas', claim: 'permissions', claims: { permissions: 'a,b, c' }, is: ['a', 'b', 'c'] },
    {
      rule: 'one string with spaces in it',
      claim: 'permissions',
      claims: { permissions: ' Not Admin ' },
      is: ['Not Admin']
    },
    { rule: 'nothing there', claim: 'realm_access.roles', claims: {}, is: [] },
    { rule: 'nothing on the way', claim: 'realm_access.roles', claims: { realm_access: null }, is: [] },
    { rule: 'a string on the way', claim: 'realm_access.roles', claims: { realm_access: 'roles' }, is: [] },
    { rule: 'an odd type', claim: 'permissions', claims: { permissions: { a: true } }, is: [] },
    {
      rule: 'odd ones among them',
      claim: 'permissions',
      claims: { permissions: ['a', 7, null, ['b'], ''] },
      is: ['a']
    },
    { rule: 'nothing of the prototype', claim: 'constructor.name', claims: {}, is: [] },
    { rule: 'each once', claim: 'permissions', claims: { permissions: ['a', 'a'] }, is: ['a'] }
  ]
  for (const { rule, claim, claims, is } of rows) {
    t.same(using({ rolesClaim: claim }).of(claims).roles, is, `roles: ${rule}`)
    t.same(using({ groupsClaim: claim }).of(claims).groups, is, `groups: ${rule}`)
  }
  const several: { rule: string; claim: NonNullable<OidcOptions['rolesClaim']>; claims: Claims; is: string[] }[] = [
    {
      rule: 'two claims, comma-separated',
      claim: 'roles, realm.roles',
      claims: { roles: ['a'], realm: { roles: ['b'] } },
      is: ['a', 'b']
    },
    {
      rule: 'two paths',
      claim: [['roles'], ['realm', 'roles']],
      claims: { roles: ['a'], realm: { roles: ['b'] } },
      is: ['a', 'b']
    },
    { rule: 'one of two is missing', claim: 'roles,realm.roles', claims: { roles: ['a'] }, is: ['a'] },
    { rule: 'each once, of two', claim: [['x'], ['y']], claims: { x: ['a'], y: 'a' }, is: ['a'] },
    {
      rule: 'a path in lists has the dots as they are',
      claim: [['a.b']],
      claims: { 'a.b': ['a'], a: { b: ['x'] } },
      is: ['a']
    },
    {
      rule: 'Zitadel: the keys of an object',
      claim: 'urn:zitadel:iam:org:project:roles',
      claims: {
        'urn:zitadel:iam:org:project:roles': { admin: { 1234: 'shop.example' }, reader: { 1234: 'shop.example' } }
      },
      is: ['admin', 'reader']
    },
    {
      rule: 'a key grants by where it applies, and by nothing else',
      claim: 'roles',
      claims: {
        roles: { b: { in: 1 }, c: ['org'], a: true, x: false, y: null, z: {}, w: [], v: 'yes', u: 1, '': { in: 1 } }
      },
      is: ['b', 'c']
    },
    {
      rule: 'a list of objects',
      claim: 'roles.name',
      claims: { roles: [{ name: 'a' }, { name: 'b', id: 'x' }] },
      is: ['a', 'b']
    },
    {
      rule: 'of objects, those that have the member',
      claim: 'roles.name',
      claims: { roles: [{ name: 'a' }, {}, null, 'x', ['y'], { name: 7 }] },
      is: ['a']
    },
    {
      rule: 'objects further up',
      claim: 'orgs.roles',
      claims: { orgs: [{ roles: ['a'] }, { roles: ['b', 'a'] }] },
      is: ['a', 'b']
    },
    {
      rule: 'objects, where the path names none of their members',
      claim: 'roles',
      claims: { roles: [{ name: 'x' }] },
      is: []
    },
    { rule: 'a list is no object', claim: 'roles.length', claims: { roles: ['a'] }, is: [] },
    { rule: 'nor is a number or null', claim: 'roles', claims: { roles: 7 }, is: [] }
  ]
  for (const { rule, claim, claims, is } of several) {
    t.same(using({ rolesClaim: claim }).of(claims).roles, is, `roles: ${rule}`)
    t.same(using({ groupsClaim: claim }).of(claims).groups, is, `groups: ${rule}`)
  }
  t.same(
    using({}).of({ roles: { admin: { org: '1' } }, groups: { staff: { org: '1' } } }).roles,
    [],
    'keys only where that is configured'
  )
  t.same(using({ rolesClaim: 'permissions' }).of({ roles: ['x'] }).roles, [], 'in place of the usual one')
  t.same(using({}).of({ roles: 'Not,Admin', groups: 'a,b' }).roles, [], 'one string only where that is configured')
  t.end()
})

t.test('Keycloak: roles of the realm and of this client, without those that everybody has', (t) => {
  const everybody = ['default-roles-shop', 'offline_access', 'uma_authorization']
  const claims = {
    realm_access: { roles: [...everybody, 'admin'] },
    resource_access: { [audience]: { roles: ['orders'] }, account: { roles: ['manage-account'] } },
    groups: ['/staff']
  }
  const principal = using({ provider: 'keycloak' }).of(claims)
  t.same(principal.roles, ['admin', 'orders'])
  t.same(principal.groups, ['/staff'])
  t.same(using({ provider: 'keycloak' }).of({ realm_access: { roles: everybody } }).roles, [], 'which open nothing')
  const roles = { resource_access: { account: { roles: ['manage-account'] } } }
  t.same(using({ provider: 'keycloak' }).of(roles).roles, [], 'nor do those of the account console')
  t.end()
})

const { azp: _, ...bare } = access
/** Who tokens of a provider speak for; a name that a user can have never makes an app. */
const kinds: Record<ProviderName, Record<string, [claims: Claims, kind: 'user' | 'app']>> = {
  keycloak: {
    'client_id, and notes of the session': [{ client_id: 'spa', clientHost: 'h', clientAddress: '::1' }, 'app'],
    'one note': [{ client_id: 'spa', clientAddress: '::1' }, 'app'],
    'clientId of older versions': [{ clientId: 'spa', clientHost: 'h' }, 'app'],
    'no name gives it away': [{ client_id: 'spa', clientHost: 'h', preferred_username: 'ann' }, 'app'],
    'a user, by a mapper of client_id': [{ client_id: 'spa' }, 'user'],
    'a user with such a name': [{ preferred_username: 'service-account-spa' }, 'user'],
    both: [{ client_id: 'spa', preferred_username: 'service-account-spa' }, 'user'],
    'both, with a session': [{ client_id: 'spa', preferred_username: 'service-account-spa', sid: 's' }, 'user'],
    'a session': [{ client_id: 'spa', clientHost: 'h', sid: 's' }, 'user'],
    'a session of older versions': [{ client_id: 'spa', clientHost: 'h', session_state: 's' }, 'user'],
    'another client': [{ client_id: 'other', clientHost: 'h' }, 'user'],
    'no client': [{ azp: undefined, client_id: 'spa', clientHost: 'h' }, 'user'],
    'notes that are no texts': [{ client_id: 'spa', clientHost: 7, clientAddress: '' }, 'user'],
    'notes alone': [{ clientHost: 'h', clientAddress: '::1' }, 'user'],
    'sub is the client: the rule of others': [{ sub: 'spa', client_id: 'spa' }, 'user'],
    'nothing says so': [{}, 'user']
  },
  auth0: {
    '…@clients': [{ sub: 'spa@clients', gty: 'client-credentials' }, 'app'],
    'without gty, as in the profile of RFC 9068': [{ azp: undefined, client_id: 'spa', sub: 'spa@clients' }, 'app'],
    'by another grant': [{ sub: 'spa@clients', gty: 'password' }, 'user'],
    'of another client': [{ sub: 'cli@clients' }, 'user'],
    'of no client': [{ azp: undefined, sub: '@clients' }, 'user'],
    'a user of a database who chose such a name': [{ sub: 'auth0|spa@clients' }, 'user'],
    'somebody who signed in': [{ sub: 'spa@clients', sid: 's' }, 'user'],
    'gty alone': [{ gty: 'client-credentials' }, 'user'],
    'sub is the client: the rule of others': [{ sub: 'spa', client_id: 'spa' }, 'user']
  },
  okta: {
    'sub is cid, and there is no uid': [{ azp: undefined, sub: 'svc', cid: 'svc', auth_time: 1 }, 'app'],
    'a login that is the client’s ID': [{ azp: undefined, sub: 'svc', cid: 'svc', uid: '00u1' }, 'user'],
    'another client': [{ azp: undefined, sub: 'svc', cid: 'spa' }, 'user'],
    'no cid': [{ sub: 'spa' }, 'user'],
    'sub is client_id: the rule of others': [{ sub: 'spa', client_id: 'spa' }, 'user']
  },
  cognito: {
    'sub is client_id, and there is no username': [
      { azp: undefined, sub: 'svc', client_id: 'svc', auth_time: 1 },
      'app'
    ],
    'a user': [{ azp: undefined, sub: 'svc', client_id: 'svc', username: 'ann' }, 'user'],
    'another client': [{ azp: undefined, sub: 'svc', client_id: 'spa' }, 'user'],
    'no client_id': [{ sub: 'spa' }, 'user']
  },
  google: {
    'no address': [{ sub: 'spa' }, 'user'],
    'sub is client_id: the rule of others': [{ sub: 'spa', client_id: 'spa' }, 'user']
  },
  authentik: {
    'a service account is a user': [{ preferred_username: 'ak-spa-client_credentials', uid: 'u' }, 'user'],
    'sub is client_id: the rule of others': [{ sub: 'spa', client_id: 'spa' }, 'user']
  },
  zitadel: {
    'a service user is a user': [{ azp: undefined, sub: '2825', client_id: 'nightly-job' }, 'user'],
    'RFC 9068 §2.2': [{ azp: undefined, sub: 'svc', client_id: 'svc' }, 'app'],
    'nothing says so': [{}, 'user']
  },
  xsuaa: {
    'by its secret': [{ azp: undefined, sub: 'svc', cid: 'svc', grant_type: 'client_credentials' }, 'app'],
    'by its certificate': [{ azp: undefined, sub: 'svc', client_id: 'svc', grant_type: 'client_x509' }, 'app'],
    'for a user': [{ azp: undefined, sub: 'svc', cid: 'svc', grant_type: 'user_token' }, 'user'],
    'without a grant': [{ azp: undefined, sub: 'svc', cid: 'svc' }, 'user'],
    'of a person': [{ sub: 'svc', cid: 'svc', grant_type: 'client_credentials', user_id: 'u' }, 'user'],
    'who signed in': [{ sub: 'svc', cid: 'svc', grant_type: 'client_credentials', origin: 'ldap' }, 'user'],
    'another client': [{ sub: 'svc', cid: 'spa', grant_type: 'client_credentials' }, 'user'],
    'no client': [{ sub: 'svc', grant_type: 'client_credentials' }, 'user']
  }
}

for (const [provider, rows] of Object.entries(kinds))
  t.test(`${provider}: users and apps`, (t) => {
    const { of, codeOf } = using({ provider: provider as ProviderName })
    for (const [name, [claims, kind]] of Object.entries(rows)) t.equal(of(claims).kind, kind, name)
    const nobody = { ...bare, sub: undefined, client_id: 'spa' }
    t.equal(codeOf(nobody), 'missing_claim', 'a token without sub speaks for nobody')
    t.end()
  })

t.test('Keycloak: what says that a token is an access token', (t) => {
  const { codeOf } = using({ provider: 'keycloak' })
  const token = { ...without(access, 'scope'), typ: 'Bearer' }
  t.equal(codeOf(token), undefined)
  t.equal(codeOf({ ...token, nonce: 'n' }), undefined, 'before 25 the nonce of the sign-in as well')
  t.equal(codeOf({ ...access, nonce: 'n' }), 'not_an_access_token', 'where it says so')
  for (const typ of ['ID', 'Refresh', 'bearer', null]) t.equal(codeOf({ ...access, typ }), 'not_an_access_token')
  t.equal(
    codeOf({ ...without(access, 'sub'), azp: 'job', client_id: 'job', clientHost: 'h' }),
    undefined,
    'a service without sub'
  )
  t.end()
})

t.test('authentik: azp and uid make an access token, which may have no scope', (t) => {
  const { of, codeOf } = using({ provider: 'authentik' })
  const token = { ...without(access, 'scope'), azp: audience, uid: 'u' }
  t.equal(codeOf(token), undefined)
  t.equal(codeOf({ ...token, aud: [audience, 'x'] }), undefined)
  for (const odd of [{ uid: undefined }, { azp: undefined }, { azp: 'other' }, { uid: 7 }, { azp: [audience] }])
    t.equal(codeOf({ ...token, ...odd }), 'not_an_access_token', JSON.stringify(odd))
  t.equal(codeOf({ ...token, nonce: 'n' }), 'not_an_access_token')
  t.same(of({ entitlements: ['a'], roles: ['a', 'b'], groups: ['g'], scope: 'goauthentik.io/api entitlements x' }), {
    ...of({}),
    ...{ roles: ['a', 'b'], groups: ['g'], scopes: ['x'] },
    claims: of({ entitlements: ['a'], roles: ['a', 'b'], groups: ['g'], scope: 'goauthentik.io/api entitlements x' })
      .claims
  })
  t.end()
})

t.test('Zitadel: roles of the own project, as members of an object; ID tokens', (t) => {
  const { of, codeOf } = using({ provider: 'zitadel' })
  const claim = `urn:zitadel:iam:org:project:${audience}:roles`
  const org = { '1': 'contoso.example' }
  t.same(of({ [claim]: { Admin: org, reader: org } }).roles, ['Admin', 'reader'])
  t.same(of({ [claim]: [{ Admin: org }, { Admin: org, writer: org }] }).roles, ['Admin', 'writer'])
  for (const odd of [
    null,
    'Admin',
    7,
    true,
    ['Admin'],
    { Admin: {} },
    { Admin: null },
    { Admin: 'x' },
    [[{ Admin: org }]]
  ])
    t.same(of({ [claim]: odd }).roles, [], JSON.stringify(odd))
  t.same(of({ 'urn:zitadel:iam:org:project:roles': { owner: org } }).roles, [], 'of the project of the client')
  t.same(of({ 'urn:zitadel:iam:org:project:other:roles': { owner: org } }).roles, [], 'of another project')
  const two = using({ provider: 'zitadel', audience: ['p1', 'p2'] })
  const roles = {
    'urn:zitadel:iam:org:project:p1:roles': { a: org },
    'urn:zitadel:iam:org:project:p2:roles': { b: org }
  }
  t.same(two.of({ ...roles, aud: ['p1'] }).roles, ['a'], 'of projects that the token is for')
  t.same(two.of({ ...roles, aud: ['p2', 'p1'] }).roles, ['a', 'b'])
  const person = { sub: '1', client_id: 'c', azp: 'c', email: 'a@b.example', gty: 'client_credentials' }
  t.equal(of(person).kind, 'user', 'the rules of other products say nothing')
  const named = using({ provider: 'zitadel', rolesClaim: 'permissions' })
  t.same(named.of({ [claim]: { Admin: org }, permissions: ['read'] }).roles, ['read'], 'rolesClaim takes its place')
  const token = { ...without(access, 'scope'), jti: 'j' }
  t.equal(codeOf(token), undefined)
  t.equal(codeOf({ ...token, jti: undefined }), 'not_an_access_token')
  for (const name of ['acr', 'amr', 'auth_time'])
    t.equal(codeOf({ ...token, client_id: 'spa', [name]: 'x' }), 'not_an_access_token', name)
  t.end()
})

t.test('XSUAA: scopes, groups of the identity provider, ID tokens', (t) => {
  const { of, codeOf } = using({ provider: 'xsuaa' })
  const user = of({
    scope: ['openid', 'uaa.user', 'orders!t1.Read'],
    azp: undefined,
    client_id: undefined,
    cid: 'sb-x'
  })
  t.match(user, { kind: 'user', scopes: ['orders!t1.Read'], clientId: 'sb-x' })
  const saml = { 'xs.saml.groups': ['Sales'] }
  t.same(of({ 'xs.system.attributes': saml }).groups, ['Sales'])
  t.same(of({ ext_cxt: { 'xs.system.attributes': saml } }).groups, ['Sales'])
  t.equal(codeOf({ ...access, scope: ['openid'] }), 'not_an_access_token')
  for (const scope of [['openid', 'orders!t1.Read'], ['orders!t1.Read'], [], 'orders!t1.Read'])
    t.equal(codeOf({ ...access, scope }), undefined, JSON.stringify(scope))
  t.end()
})

t.test('docs/products.md, "What does not fit": tokens in these forms are refused', (t) => {
  const { codeOf } = using({})
  const bare = { iss: issuer, aud: audience, iat: 1, nbf: 1, exp: 2, jti: 'j' }
  const rows: Record<string, Claims> = {
    Kubernetes: { ...bare, sub: 'system:serviceaccount:shop:api', 'kubernetes.io': { namespace: 'shop' } },
    'GitHub Actions': {
      ...bare,
      sub: 'repo:contoso/shop:ref:refs/heads/main',
      repository: 'contoso/shop',
      actor: 'ann'
    },
    GitLab: { ...bare, sub: 'project_path:contoso/shop:ref_type:branch:ref:main', project_path: 'contoso/shop' },
    Firebase: { ...bare, sub: 'u1', user_id: 'u1', auth_time: 1, firebase: { sign_in_provider: 'password' } },
    Supabase: { ...bare, sub: 'u1', role: 'authenticated', amr: [{ method: 'password' }], session_id: 's' },
    Clerk: { iss: issuer, sub: 'user_1', sid: 'sess_1', azp: 'https://shop.example', iat: 1, exp: 2 }
  }
  for (const [product, claims] of Object.entries(rows)) t.equal(codeOf(claims), 'not_an_access_token', product)
  t.throws(() => using({ issuer: 'http://adfs.example/adfs/services/trust' }), /issuer .* is not allowed/, 'AD FS')
  t.end()
})

t.test('Auth0, Okta', (t) => {
  t.same(using({ provider: 'auth0' }).of({ permissions: ['read:orders'], roles: ['x'] }).roles, ['read:orders'])
  for (const grant of [{ permissions: [] }, { gty: 'password' }])
    t.equal(using({ provider: 'auth0' }).codeOf({ ...without(access, 'scope'), ...grant }), undefined)
  const { of, codeOf } = using({ provider: 'okta', allowedClients: ['svc'] })
  const okta = of({
    scp: ['orders'],
    groups: ['staff'],
    roles: ['admin'],
    scope: undefined
  })
  t.match(okta, { scopes: ['orders'], groups: ['staff'], roles: ['admin'] })
  const token = { ...without(access, 'scope', 'azp'), cid: 'svc' }
  t.equal(codeOf(token), undefined)
  t.equal(codeOf({ ...token, cid: 'other' }), 'client_not_allowed')
  t.equal(of({ azp: undefined, cid: 'svc' }).clientId, 'svc')
  t.end()
})

t.test('Cognito: the client stands for the audience of an access token that has none', (t) => {
  const { codeOf, of } = using({ provider: 'cognito', audience: 'app-client' })
  const token = { iss: issuer, sub: 'ann', token_use: 'access', client_id: 'app-client', username: 'ann', exp: 2 }
  t.equal(codeOf(token), undefined)
  t.equal(codeOf({ ...token, client_id: 'another' }), 'wrong_audience')
  t.equal(codeOf({ ...token, aud: 'another' }), 'wrong_audience', 'an aud that is there counts')
  t.equal(codeOf({ ...token, aud: null }), 'wrong_audience')
  t.equal(codeOf({ ...token, token_use: 'id' }), 'not_an_access_token')
  t.equal(codeOf(without(token, 'token_use')), 'missing_claim', 'of an access token only')
  t.equal(codeOf({ ...token, token_use: 'id', aud: 'app-client' }), 'not_an_access_token')
  t.same(of({ ...token, 'cognito:groups': ['admins'] }).roles, ['admins'])
  t.same(of({ ...token, scope: 'aws.cognito.signin.user.admin' }).scopes, [], 'the sign-in’s own scope opens nothing')
  t.equal(using({ audience: 'app-client' }).codeOf(token), 'missing_claim', 'and of this provider only')
  t.end()
})

t.test('Google: service accounts, and no person', (t) => {
  const { codeOf, of, keysOrigin } = using({ provider: 'google' })
  const account = {
    ...{ iss: issuer, aud: audience, azp: '115711571157115711571', sub: '115711571157115711571', iat: 1, exp: 2 },
    ...{ email: 'caller@project.iam.gserviceaccount.com', email_verified: true }
  }
  t.equal(keysOrigin, 'https://www.googleapis.com')
  t.equal(codeOf(account), undefined)
  t.match(of(account), { kind: 'app', id: account.sub, clientId: account.azp, scopes: [], roles: [] })
  t.match(of({ ...account, scope: undefined }), { kind: 'app' })
  const people: Record<string, object> = {
    'a person': { azp: 'client.apps.googleusercontent.com', email: 'ann@gmail.com' },
    'a person with a telling address': { azp: 'client.apps.googleusercontent.com' },
    'no account address': { email: 'ann@gmail.com' },
    'an address that only ends alike': { email: 'ann@evilgserviceaccount.com' },
    'an address that has more': { email: 'a@x.gserviceaccount.com.evil.example' },
    'an address that is not verified': { email_verified: false },
    'verified, by a text': { email_verified: 'true' },
    'a list of addresses': { email: [account.email] },
    'a sign-in': { nonce: 'n' },
    'a sign-in with a code': { at_hash: 'h' },
    'two odd ones, alike': { azp: 7, sub: 7 }
  }
  for (const [name, claims] of Object.entries(people))
    t.equal(codeOf({ ...account, ...claims }), 'not_an_access_token', name)
  t.equal(using({}).codeOf(account), 'not_an_access_token', 'and of this provider only')
  t.end()
})

t.test('RFC 9068 §2.1, §2.2, where it is demanded: the type, and every claim', (t) => {
  const { codeOf } = using({ rfc9068: true })
  const token = { ...access, client_id: 'spa', jti: 'j' }
  for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT']) t.equal(codeOf(token, { typ }), undefined, typ)
  for (const typ of ['JWT', undefined, '', 'at+jwt2', ['at+jwt2']])
    t.equal(codeOf(token, { typ }), 'wrong_token_type', String(typ))
  for (const name of ['aud', 'sub', 'client_id', 'iat', 'jti'])
    t.equal(codeOf(without(token, name), { typ: 'at+jwt' }), 'missing_claim', name)
  t.equal(using({}).codeOf(token, { typ: 'JWT' }), undefined, 'which is not the default')
  const { codeOf: listed } = using({ rfc9068: true, allowedClients: ['good'] })
  const unnamed = without(token, 'azp')
  t.equal(listed({ ...unnamed, client_id: 'evil' }, { typ: 'at+jwt' }), 'client_not_allowed')
  t.equal(listed({ ...unnamed, client_id: 'good' }, { typ: 'at+jwt' }), undefined)
  t.equal(listed({ ...token, client_id: 'evil', azp: 'good' }, { typ: 'at+jwt' }), 'invalid_claim', 'two clients')
  t.end()
})

t.test('options that would be without the effect that they promise', (t) => {
  const rows: [object, RegExp][] = [
    [{ provider: 'ping' }, /provider "ping" is unknown; give one of keycloak, auth0, okta, cognito, google/],
    [{ provider: 'constructor' }, /provider "constructor" is unknown/],
    [{ provider: ['okta'] }, /provider \["okta"\] is unknown/],
    [{ rolesClaim: '' }, /rolesClaim/],
    [{ rolesClaim: [] }, /rolesClaim/],
    [{ groupsClaim: [7] }, /groupsClaim/],
    [{ rolesClaim: 'roles,,groups' }, /rolesClaim \["roles","","groups"\] is not allowed/],
    [{ rolesClaim: [['roles'], 'groups'] }, /rolesClaim "groups" is not allowed/],
    [{ rolesClaim: [['roles'], []] }, /rolesClaim \[\] is not allowed/],
    [{ rfc9068: 'yes' }, /rfc9068 "yes" is not allowed; give true or false/],
    [{ issuer: 'https://id.example/{tenantid}/v2.0' }, /issuer .* is not allowed/],
    [{ keysOrigin: 'https://keys.example/path' }, /keysOrigin .* is not allowed/],
    [{ keysOrigin: 'http://keys.example' }, /keysOrigin .* is not allowed/],
    [{ keysOrigin: 'keys' }, /keysOrigin .* is not allowed/],
    [{ keysOrigin: 7 }, /keysOrigin 7 is not allowed/]
  ]
  for (const [options, message] of rows)
    t.throws(() => using(options as Partial<OidcOptions>), { name: 'EntraConfigurationError', message })
  t.equal(using({ keysOrigin: 'https://keys.example' }).keysOrigin, 'https://keys.example')
  t.equal(using({ keysOrigin: 'http://127.0.0.1:8080', provider: 'google' }).keysOrigin, 'http://127.0.0.1:8080')
  t.end()
})
