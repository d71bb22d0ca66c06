import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { withFrozenClaims } from '../../../src/plugin/claims/freeze.js'
import { listsOnly } from '../../../src/plugin/claims/read.js'
import { requireAppPermission, requireGroup, requireScope } from '../../../src/plugin/index.js'
import { firstRefusal } from '../../../src/plugin/issuers/token-rules.js'
import { oidcChecks } from '../../../src/plugin/oidc/checks.js'
import { type OidcRules, toOidcPrincipal } from '../../../src/plugin/oidc/principal.js'
import { anyProvider, type Provider } from '../../../src/plugin/oidc/provider.js'
import { providers } from '../../../src/plugin/oidc/providers.js'
import { buildApi } from '../../support/api.js'
import { checkRefusal, get, listen, parseChallenge } from '../../support/http.js'

type Members = Record<string, unknown>

const audience = 'https://orders.example'
const times = { iat: 1_800_000_000, exp: 1_800_003_600 }
const rules: OidcRules = {
  ...{ provider: anyProvider, audiences: [audience], allowedClients: undefined, rfc9068: false },
  roles: { paths: anyProvider.roles([audience]), ...listsOnly },
  groups: { paths: anyProvider.groups, ...listsOnly }
}
const principalOf = (claims: Members, provider: Provider = anyProvider) =>
  toOidcPrincipal(claims, { ...rules, provider })
const key = { kid: 'k', pem: 'PEM', algorithms: ['RS256'] } as const

interface Fixture {
  /** Whose documentation shows such a token. */
  from: string
  /** The provider's own rules. Default: those for any. */
  provider?: Provider
  header: Members
  claims: Members
  /** The principal, but for what follows from `iss` and `claims`. */
  is: Members & { kind: 'user' | 'app'; id: string; clientId: string }
}

const keycloakIss = 'https://id.example/realms/shop'
const keycloak = (claims: Members): Members => ({
  ...{ ...times, jti: 'onrtac:8d7a', iss: keycloakIss, aud: [audience, 'account'], typ: 'Bearer', acr: '1' },
  realm_access: { roles: ['offline_access', 'uma_authorization', 'default-roles-shop'] },
  resource_access: { account: { roles: ['manage-account', 'view-profile'] } },
  ...{ 'allowed-origins': ['https://shop.example'], email_verified: true },
  ...claims
})

const auth0 = (claims: Members): Members => ({ iss: 'https://shop.eu.auth0.com/', ...times, ...claims })
const okta = (claims: Members): Members => ({
  ...{ ver: 1, jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE', iss: 'https://shop.okta.com/oauth2/default' },
  ...{ ...times, aud: audience },
  ...claims
})
/** Cognito's have an `aud` where the request named a resource ("Scopes, M2M, and resource servers": resource binding). */
const cognito = (claims: Members): Members => ({
  ...{ iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E', aud: audience, token_use: 'access' },
  ...{ ...times, auth_time: times.iat, version: 2, jti: '0f4b1a9c-51a1-4a3e-9c5e-3f2f8d1c7b6a' },
  ...claims
})

const fixtures: Record<string, Fixture> = {
  'Keycloak, a user': {
    from: 'Keycloak "Server Administration Guide", client scopes: profile, email, basic',
    provider: providers.keycloak,
    header: { alg: 'RS256', typ: 'JWT', kid: 'k' },
    claims: keycloak({
      ...{ sub: '6f0ddf11-bbfe-4b3f-9a8f-2f7b9b1f9f10', azp: 'spa', sid: '2c7a', scope: 'openid orders.read email' },
      ...{ name: 'Ann Example', preferred_username: 'ann', given_name: 'Ann', email: 'ann@shop.example' }
    }),
    is: {
      ...{ kind: 'user', id: '6f0ddf11-bbfe-4b3f-9a8f-2f7b9b1f9f10', clientId: 'spa' },
      ...{ scopes: ['orders.read'], name: 'Ann Example', email: 'ann@shop.example' }
    }
  },
  'Keycloak, a service account': {
    from: 'Keycloak "Server Administration Guide", service accounts: client scope service_account',
    provider: providers.keycloak,
    header: { alg: 'RS256', typ: 'JWT', kid: 'k' },
    claims: keycloak({
      ...{
        sub: 'b9f0c8c1-0a39-4f9a-9d38-8d4f2b7f7d1e',
        azp: 'Daemon',
        client_id: 'Daemon',
        scope: 'email orders.sync'
      },
      ...{ preferred_username: 'service-account-daemon', clientHost: '10.0.0.7', clientAddress: '10.0.0.7' }
    }),
    is: {
      ...{ kind: 'app', id: 'b9f0c8c1-0a39-4f9a-9d38-8d4f2b7f7d1e', clientId: 'Daemon' },
      roles: ['orders.sync']
    }
  },
  'Auth0, a user': {
    from: 'Auth0 "Access Token Profiles": Auth0 token profile',
    provider: providers.auth0,
    header: { alg: 'RS256', typ: 'JWT', kid: 'k' },
    claims: auth0({
      ...{ sub: 'auth0|6553da60a54af58e29493993', aud: [audience, 'https://shop.eu.auth0.com/userinfo'] },
      ...{ azp: 'K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja', scope: 'openid profile orders.read', permissions: ['orders.read'] }
    }),
    is: {
      ...{ kind: 'user', id: 'auth0|6553da60a54af58e29493993', clientId: 'K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja' },
      scopes: ['orders.read']
    }
  },
  'Auth0, machine to machine': {
    from: 'Auth0 "Access Token Profiles": sub is the client ID with suffix',
    provider: providers.auth0,
    header: { alg: 'RS256', typ: 'JWT', kid: 'k' },
    claims: auth0({
      ...{ sub: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients', azp: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx', aud: audience },
      ...{ scope: 'orders.sync', gty: 'client-credentials', permissions: ['orders.sync'] }
    }),
    is: {
      ...{ kind: 'app', id: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients', clientId: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx' },
      roles: ['orders.sync']
    }
  },
  'Auth0, machine to machine, RFC 9068 profile': {
    from: 'Auth0 "Access Token Profiles": RFC 9068 token profile, client_id and neither azp nor gty',
    provider: providers.auth0,
    header: { alg: 'RS256', typ: 'at+jwt', kid: 'k' },
    claims: auth0({ sub: 'm2m@clients', client_id: 'm2m', aud: audience, jti: '73Wak', scope: 'orders.sync' }),
    is: { kind: 'app', id: 'm2m@clients', clientId: 'm2m', roles: ['orders.sync'] }
  },
  'Okta, a user': {
    from: 'Okta "Access tokens": cid, uid, scp',
    provider: providers.okta,
    header: { alg: 'RS256', kid: 'k' },
    claims: okta({
      ...{ sub: 'ann@shop.example', cid: '0oabucvyc38HLL1ef0h7', uid: '00u1', scp: ['openid', 'orders.read'] },
      ...{ auth_time: times.iat, groups: ['Everyone', 'Sales'] }
    }),
    is: {
      ...{ kind: 'user', id: 'ann@shop.example', clientId: '0oabucvyc38HLL1ef0h7' },
      ...{ scopes: ['orders.read'], groups: ['Everyone', 'Sales'] }
    }
  },
  'Okta, a service': {
    from: 'Okta "Access tokens": sub is the client ID with client credentials',
    provider: providers.okta,
    header: { alg: 'RS256', kid: 'k' },
    claims: okta({ sub: '0oabucvyc38HLL1ef0h7', cid: '0oabucvyc38HLL1ef0h7', scp: ['orders.sync'] }),
    is: { kind: 'app', id: '0oabucvyc38HLL1ef0h7', clientId: '0oabucvyc38HLL1ef0h7', roles: ['orders.sync'] }
  },
  'Cognito, a user': {
    from: 'Amazon Cognito "Understanding the access token"',
    provider: providers.cognito,
    header: { alg: 'RS256', kid: 'k' },
    claims: cognito({
      ...{ sub: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', client_id: '1example23456789', username: 'ann' },
      ...{ scope: 'openid orders/read', 'cognito:groups': ['sales'], origin_jti: 'o', event_id: 'e' }
    }),
    is: {
      ...{ kind: 'user', id: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', clientId: '1example23456789' },
      scopes: ['orders/read']
    }
  },
  'Cognito, a service': {
    from: 'Amazon Cognito "Scopes, M2M, and resource servers"',
    provider: providers.cognito,
    header: { alg: 'RS256', kid: 'k' },
    claims: cognito({ sub: '1example23456789', client_id: '1example23456789', scope: 'orders/sync' }),
    is: { kind: 'app', id: '1example23456789', clientId: '1example23456789', roles: ['orders/sync'] }
  },
  'RFC 9068, its example': {
    from: 'RFC 9068 §3, but for aud',
    header: { typ: 'at+JWT', alg: 'RS256', kid: 'RjEwOwOA' },
    claims: {
      ...{ iss: 'https://authorization-server.example.com/', sub: '5ba552d67', aud: audience, exp: 1639528912 },
      ...{ iat: 1618354090, jti: 'dbe39bf3a3ba4238a513f51d6e1691c4', client_id: 's6BhdRkqt3' },
      scope: 'openid profile reademail'
    },
    is: { kind: 'user', id: '5ba552d67', clientId: 's6BhdRkqt3', scopes: ['reademail'] }
  },
  'RFC 9068, with roles and groups': {
    from: 'RFC 9068 §2.2.3.1: the attributes of RFC 7643 §4.1.2, as arrays',
    header: { typ: 'application/at+jwt', alg: 'ES256', kid: 'k' },
    claims: {
      ...{ iss: 'https://id.example', sub: 'ann', aud: audience, ...times, jti: 'j', client_id: 'spa' },
      ...{ roles: ['Admin'], groups: ['sales'], entitlements: ['e'] }
    },
    is: { kind: 'user', id: 'ann', clientId: 'spa', roles: ['Admin'], groups: ['sales'] }
  },
  'IdentityServer, a service': {
    from: 'Duende IdentityServer "Client credentials": no sub, and scope as an array',
    header: { alg: 'RS256', kid: 'k', typ: 'at+jwt' },
    claims: {
      ...{ iss: 'https://id.example', nbf: times.iat, ...times, aud: audience, client_id: 'daemon', jti: 'j' },
      scope: ['orders.read', 'orders.sync']
    },
    is: { kind: 'app', id: 'daemon', clientId: 'daemon', roles: ['orders.read', 'orders.sync'] }
  },
  'Hydra, a user': {
    from: 'Ory Hydra "JWT access tokens": scp as an array',
    header: { alg: 'RS256', kid: 'k', typ: 'JWT' },
    claims: {
      ...{ iss: 'https://id.example', nbf: times.iat, ...times, aud: [audience], client_id: 'spa', jti: 'j' },
      ...{ sub: 'ann', scp: ['orders.read'], ext: { tenant: 'a' } }
    },
    is: { kind: 'user', id: 'ann', clientId: 'spa', scopes: ['orders.read'] }
  }
}

function refusalOf(claims: Members, header: Members = { typ: 'JWT' }, with_: Partial<OidcRules> = {}) {
  return firstRefusal(oidcChecks({ ...rules, ...with_ }), { header, claims, key })
}

/** `undefined`: passes. */
function codeOf(...parameters: Parameters<typeof refusalOf>) {
  const refusal = refusalOf(...parameters)
  return refusal && `${refusal.status} ${refusal.error} ${refusal.code}`
}

const refused = (code: string) => `401 invalid_token ${code}`
const notAccess = refused('not_an_access_token')
const without = (claims: Members, ...names: string[]) =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))

t.test('access tokens as providers make them', async (t) => {
  for (const [name, { from, provider = anyProvider, header, claims, is }] of Object.entries(fixtures)) {
    t.equal(codeOf(claims, header, { provider }), undefined, `${name}: passes (${from})`)
    const { iss, sub = is.id } = claims
    const caller = {
      provider: 'oidc',
      subject: sub,
      issuer: iss,
      tenantId: iss,
      scopes: [],
      roles: [],
      groups: [],
      expiresAt: claims.exp,
      claims
    }
    const guest = is.kind === 'user' ? { membership: 'unknown', isGuest: false, hasMoreGroups: false } : {}
    t.strictSame(
      { ...principalOf(claims, provider) },
      { ...caller, ...guest, ...is },
      `${name}: whom it speaks for (${from})`
    )
  }
})

/** A user's token with as little as one needs; what is laid over it is what a row is about. */
const plain = { iss: 'https://id.example', sub: 'ann', aud: audience, azp: 'spa', ...times }
const access = { ...plain, scope: 'orders.read' }

const kinds: { rule: string; claims: Members; header?: Members; is: string | undefined }[] = [
  { rule: 'control', claims: access, is: undefined },

  { rule: 'OpenID Connect Core §2: nonce', claims: { ...access, nonce: 'n' }, is: notAccess },
  { rule: 'OpenID Connect Core §3.1.3.6: at_hash', claims: { ...access, at_hash: 'h' }, is: notAccess },
  { rule: 'OpenID Connect Core §3.3.2.11: c_hash', claims: { ...access, c_hash: 'h' }, is: notAccess },
  {
    rule: 'RFC 9068 §2.1: typ does not make an access token of it',
    claims: { ...access, nonce: 'n' },
    header: { typ: 'at+jwt' },
    is: notAccess
  },
  {
    rule: 'OpenID Connect Core §2: an ID token without any of them, for a client that has the API’s name',
    claims: plain,
    is: notAccess
  },
  { rule: 'RFC 7515 §4.1.9: the same without typ', claims: plain, header: {}, is: notAccess },
  { rule: 'RFC 7519 §5.1: JWT says nothing', claims: plain, header: { typ: 'application/jwt' }, is: notAccess },
  {
    rule: 'Google "OpenID Connect": an ID token; its access tokens are opaque',
    claims: {
      ...{ ...plain, iss: 'https://accounts.google.com', sub: '10769150350006150715113082367', hd: 'shop.example' },
      ...{ email: 'ann@shop.example', email_verified: true }
    },
    is: notAccess
  },
  {
    rule: 'Auth0 "ID token structure"',
    claims: { ...without(plain, 'azp'), sid: 's', nickname: 'ann', name: 'Ann', picture: 'https://a.example' },
    is: notAccess
  },
  {
    rule: 'Okta "ID token payload": amr, idp, ver',
    claims: { ...plain, amr: ['pwd'], idp: 'i', ver: 1 },
    is: notAccess
  },
  { rule: 'Keycloak: typ ID', claims: { ...access, typ: 'ID' }, is: notAccess },
  { rule: 'Keycloak: typ Refresh', claims: { ...access, typ: 'Refresh' }, is: notAccess },
  { rule: 'Keycloak: typ Offline', claims: { ...access, typ: 'Offline' }, is: notAccess },
  { rule: 'Keycloak: typ Logout', claims: { ...access, typ: 'Logout' }, is: notAccess },
  { rule: 'Keycloak: typ Bearer has a case', claims: { ...access, typ: 'bearer' }, is: notAccess },
  { rule: 'typ that is no string', claims: { ...access, typ: ['Bearer'] }, is: notAccess },
  { rule: 'typ null', claims: { ...access, typ: null }, is: notAccess },
  { rule: 'Cognito "Understanding the ID token": token_use', claims: { ...access, token_use: 'id' }, is: notAccess },
  { rule: 'token_use that is no string', claims: { ...access, token_use: ['access'] }, is: notAccess },
  { rule: 'token_use null', claims: { ...access, token_use: null }, is: notAccess },
  {
    rule: 'typ of the header does not outweigh that of the payload',
    claims: { ...access, typ: 'ID' },
    header: { typ: 'at+jwt' },
    is: notAccess
  },
  { rule: 'one does not outweigh the other', claims: { ...plain, typ: 'Bearer', token_use: 'id' }, is: notAccess },
  {
    rule: 'OpenID Connect Back-Channel Logout §2.4: events',
    claims: { ...access, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    is: notAccess
  },
  { rule: 'RFC 8417 §2.2: events, whatever they are', claims: { ...access, events: null }, is: notAccess },
  { rule: 'what came by another name is no grant', claims: JSON.parse('{"__proto__":{"scope":"a"}}'), is: notAccess },

  { rule: 'RFC 9068 §2.1: typ says it alone', claims: plain, header: { typ: 'at+jwt' }, is: undefined },
  { rule: 'RFC 7515 §4.1.9: a media type', claims: plain, header: { typ: 'application/AT+JWT' }, is: undefined },
  { rule: 'RFC 9068 §2.1: what ends in it is another', claims: plain, header: { typ: 'not-at+jwt' }, is: notAccess },
  { rule: 'RFC 9068 §2.1: what begins with it', claims: plain, header: { typ: 'at+jwt-v2' }, is: notAccess },
  { rule: 'Keycloak’s typ Bearer says it of Keycloak’s alone', claims: { ...plain, typ: 'Bearer' }, is: notAccess },
  { rule: 'and beside a grant nothing', claims: { ...access, typ: 'Bearer' }, is: undefined },
  { rule: 'nor may such a token have a nonce', claims: { ...access, typ: 'Bearer', nonce: 'n' }, is: notAccess },
  { rule: 'Cognito’s token_use says it of Cognito’s alone', claims: { ...plain, token_use: 'access' }, is: notAccess },
  { rule: 'and beside a grant nothing: token_use', claims: { ...access, token_use: 'access' }, is: undefined },
  {
    rule: 'UAA’s ID tokens have the scope openid alone',
    claims: { ...access, scope: ['openid'], cid: 'spa' },
    is: notAccess
  },
  {
    rule: 'UAA: with another scope it is none',
    claims: { ...access, scope: ['openid', 'a'], cid: 'spa' },
    is: undefined
  },
  { rule: 'UAA: an empty list', claims: { ...access, scope: [], cid: 'spa' }, is: undefined },
  {
    rule: 'the scope openid of a product without cid and rev_sig',
    claims: { ...access, scope: ['openid'] },
    is: undefined
  },
  { rule: 'RFC 8693 §4.2: scope', claims: { ...plain, scope: '' }, is: undefined },
  { rule: 'Okta: scp', claims: { ...plain, scp: [] }, is: undefined },
  { rule: 'RFC 8693 §4.3: client_id', claims: { ...plain, client_id: 'spa' }, is: undefined },
  { rule: 'Okta’s cid', claims: { ...plain, cid: 'spa' }, is: notAccess },
  { rule: 'Auth0’s permissions', claims: { ...plain, permissions: [] }, is: notAccess },
  { rule: 'Auth0’s gty', claims: { ...plain, gty: 'password' }, is: notAccess },
  { rule: 'RFC 9068 §2.2.3.1: roles are in ID tokens, too', claims: { ...plain, roles: ['a'] }, is: notAccess },
  {
    rule: 'RFC 9068 §2.2.1: how the user signed in',
    claims: { ...access, auth_time: 1, acr: '1', amr: [] },
    is: undefined
  },

  { rule: 'RFC 9449 §6.1: bound by DPoP', claims: { ...access, cnf: { jkt: 'x' } }, is: refused('bound_token') },
  { rule: 'RFC 8705 §3.1: bound to a certificate', claims: { ...access, cnf: {} }, is: refused('bound_token') },
  { rule: 'RFC 7800 §3.1: cnf of another type', claims: { ...access, cnf: null }, is: refused('bound_token') },
  {
    rule: 'a bound ID token is told what it is first',
    claims: { ...access, nonce: 'n', cnf: {} },
    is: notAccess
  },

  { rule: 'RFC 9068 §2.2: sub', claims: without(access, 'sub', 'azp'), is: refused('missing_claim') },
  { rule: 'empty is none', claims: { ...access, sub: '', azp: '' }, is: refused('missing_claim') },
  { rule: 'null is none', claims: { ...access, sub: null, azp: null }, is: refused('missing_claim') },
  { rule: 'what is no string is none', claims: { ...access, sub: ['a'], azp: 7 }, is: refused('missing_claim') },
  {
    rule: 'RFC 9068 §2.2: a client of its own',
    claims: { ...without(access, 'sub'), client_id: 'spa' },
    is: undefined
  },
  { rule: 'without a client', claims: without(access, 'azp'), is: undefined }
]

t.test('tokens that are not access tokens, or have no subject', async (t) => {
  for (const { rule, claims, header, is } of kinds) t.equal(codeOf(claims, header), is, rule)
  t.match(refusalOf(without(access, 'sub', 'azp'))?.detail, /neither a subject \(sub\) nor/)
})

const audiences: { rule: string; aud: unknown; accepted?: string[]; is: string | undefined }[] = [
  { rule: 'RFC 7519 §4.1.3: one value', aud: audience, is: undefined },
  { rule: 'RFC 7519 §4.1.3: an array that holds it', aud: ['account', audience], is: undefined },
  { rule: 'the second of the accepted ones', aud: 'b', accepted: ['a', 'b'], is: undefined },
  { rule: 'RFC 7519 §4.1.3: an array of others', aud: ['account'], is: refused('wrong_audience') },
  { rule: 'compared exactly: a slash', aud: `${audience}/`, is: refused('wrong_audience') },
  { rule: 'compared exactly: case', aud: audience.toUpperCase(), is: refused('wrong_audience') },
  { rule: 'the client’s own', aud: 'spa', is: refused('wrong_audience') },
  {
    rule: 'Cognito, without resource binding: nothing says for which API',
    aud: undefined,
    is: refused('missing_claim')
  },
  { rule: 'null', aud: null, is: refused('wrong_audience') },
  { rule: 'no default that accepts', aud: audience, accepted: [], is: refused('wrong_audience') },
  { rule: 'no App ID URI of Entra’s', aud: `api://${audience}`, is: refused('wrong_audience') }
]

t.test('aud', async (t) => {
  for (const { rule, aud, accepted = [audience], is } of audiences)
    t.equal(codeOf({ ...access, aud }, {}, { audiences: accepted }), is, rule)
  const { detail = '' } = refusalOf({ ...access, aud: 'https://graph.microsoft.com' }) ?? {}
  t.match(detail, audience, 'told what this API is')
  t.notMatch(detail, /access_as_user/, 'Entra rule 4 is not for tokens of another provider')
})

const denied = '403 insufficient_scope client_not_allowed'
const clients: { rule: string; claims: Members; allowed?: string[]; is: string | undefined }[] = [
  { rule: 'any, where there is no list', claims: access, is: undefined },
  { rule: 'OpenID Connect Core §2: azp', claims: access, allowed: ['spa'], is: undefined },
  {
    rule: 'RFC 9068 §2.2: client_id',
    claims: { ...access, azp: undefined, client_id: 'a' },
    allowed: ['a'],
    is: undefined
  },
  { rule: 'Okta’s cid', claims: { ...access, azp: undefined, cid: 'a' }, allowed: ['a'], is: denied },
  { rule: 'another one', claims: access, allowed: ['cli', 'daemon'], is: denied },
  { rule: 'RFC 6749 §2.2: compared exactly', claims: access, allowed: ['SPA'], is: denied },
  { rule: 'none is on no list', claims: without(access, 'azp'), allowed: ['spa'], is: denied },
  { rule: 'an empty list lets nobody in', claims: access, allowed: [], is: denied },
  { rule: 'the subject is no client', claims: { ...access, azp: 'x', sub: 'spa' }, allowed: ['spa'], is: denied },
  { rule: 'one that contradicts azp', claims: { ...access, client_id: 'a' }, allowed: ['a'], is: denied },
  { rule: 'narrows, never grants', claims: { ...access, aud: 'x' }, allowed: ['spa'], is: refused('wrong_audience') }
]

t.test('allowedClients', async (t) => {
  for (const { rule, claims, allowed, is } of clients)
    t.equal(codeOf(claims, {}, { allowedClients: allowed && new Set(allowed) }), is, rule)
})

const userOrApp: { rule: string; claims: Members; kind: 'user' | 'app' }[] = [
  { rule: 'RFC 9068 §2.2: sub is a resource owner', claims: {}, kind: 'user' },
  { rule: 'RFC 9068 §2.2: sub is the client', claims: { client_id: 'spa', sub: 'spa' }, kind: 'app' },
  { rule: 'RFC 9068 §2.2: without azp', claims: { azp: undefined, client_id: 'a', sub: 'a' }, kind: 'app' },
  { rule: 'sub is azp, which RFC 9068 does not have', claims: { sub: 'spa' }, kind: 'user' },
  { rule: 'the client is azp, whatever else it has', claims: { azp: 'spa', client_id: 'a', sub: 'a' }, kind: 'user' },
  { rule: 'compared exactly', claims: { client_id: 'spa', sub: 'SPA' }, kind: 'user' },
  { rule: 'not its beginning', claims: { client_id: 'spa', sub: 'sp' }, kind: 'user' },
  { rule: 'an empty one is none', claims: { azp: undefined, client_id: '', sub: '' }, kind: 'user' },
  { rule: 'without a client it is a user’s', claims: { azp: undefined }, kind: 'user' },
  { rule: 'RFC 8693 §4.3: no sub, and a client_id', claims: { sub: undefined, client_id: 'spa' }, kind: 'app' },
  { rule: 'sub null, and a client_id', claims: { sub: null, client_id: 'spa' }, kind: 'app' },
  // Somebody who may choose a name must not become the client by it.
  ...['auth_time', 'amr', 'sid'].map((sign) => ({
    rule: `somebody signed in: ${sign}`,
    claims: { client_id: 'spa', sub: 'spa', [sign]: 1 },
    kind: 'user' as const
  })),
  // Rules of products are for their own tokens.
  ...['uid', 'username'].map((name) => ({
    rule: `what Okta and Cognito call their users says nothing: ${name}`,
    claims: { client_id: 'spa', sub: 'spa', [name]: 'ann' },
    kind: 'app' as const
  })),
  { rule: 'Okta’s cid', claims: { azp: undefined, cid: 'a', sub: 'a' }, kind: 'user' },
  { rule: 'Auth0’s …@clients', claims: { sub: 'spa@clients' }, kind: 'user' },
  // The token itself says how it was obtained.
  ...['client_credentials', 'client-credentials', 'Client_Credentials', 'client_x509'].flatMap((grant) => [
    { rule: `grant_type ${grant}`, claims: { grant_type: grant }, kind: 'app' as const },
    { rule: `gty ${grant}`, claims: { gty: grant }, kind: 'app' as const },
    { rule: `gty [${grant}]`, claims: { gty: [grant] }, kind: 'app' as const }
  ]),
  { rule: 'WSO2’s aut', claims: { aut: 'APPLICATION' }, kind: 'app' },
  {
    rule: 'ForgeRock’s tokens of clients have an auth_time',
    claims: { grant_type: 'client_credentials', sub: '(age!spa)', auth_time: 1 },
    kind: 'app'
  },
  ...[
    'authorization_code',
    'password',
    'implicit',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:device_code'
  ].map((grant) => ({
    rule: `a person took part: ${grant}, whatever the name`,
    claims: { grant_type: grant, client_id: 'spa', sub: 'spa' },
    kind: 'user' as const
  })),
  { rule: 'WSO2’s aut of a user', claims: { aut: 'APPLICATION_USER', client_id: 'spa', sub: 'spa' }, kind: 'user' },
  {
    rule: 'a grant of a client beside one that says neither',
    claims: { gty: ['client_credentials', 'x'] },
    kind: 'user'
  },
  { rule: 'one of two says a person', claims: { gty: ['client_credentials', 'password'] }, kind: 'user' },
  {
    rule: 'RFC 7523: a grant that says neither',
    claims: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' },
    kind: 'user'
  },
  {
    rule: 'a grant that says neither, beside RFC 9068’s own sign',
    claims: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_id: 'spa', sub: 'spa' },
    kind: 'app'
  },
  { rule: 'a grant of another type says nothing', claims: { grant_type: { a: 'client_credentials' } }, kind: 'user' },
  {
    rule: 'Keycloak’s service account',
    claims: {
      ...{ typ: 'Bearer', client_id: 'spa', preferred_username: 'service-account-spa' },
      ...{ clientHost: '10.0.0.7', clientAddress: '10.0.0.7' }
    },
    kind: 'user'
  },
  { rule: 'idtyp is Entra’s', claims: { idtyp: 'app' }, kind: 'user' },
  { rule: 'a user’s permissions are not an app’s', claims: { permissions: ['a'] }, kind: 'user' },
  { rule: 'no scope is no sign of an app', claims: { scope: undefined }, kind: 'user' }
]

t.test('user or app', async (t) => {
  for (const { rule, claims, kind } of userOrApp) t.equal(principalOf({ ...access, ...claims }).kind, kind, rule)
})

t.test('a token that contradicts itself about who calls is refused', async (t) => {
  const itself = { ...access, grant_type: 'client_credentials' }
  for (const claim of ['name', 'email', 'preferred_username', 'user_name', 'act', 'amr', 'sid'])
    for (const claims of [itself, { ...access, gty: ['client-credentials'] }, { ...access, aut: 'APPLICATION' }]) {
      t.equal(codeOf({ ...claims, [claim]: 'ann' }), refused('invalid_claim'), claim)
      t.match(refusalOf({ ...claims, [claim]: 'ann' })?.detail, `has the claim "${claim}"`)
    }
  t.equal(codeOf({ ...itself, auth_time: 1 }), undefined, 'ForgeRock’s auth_time is about no person')
  t.equal(codeOf({ ...access, grant_type: 'authorization_code', name: 'Ann' }), undefined, 'a user’s token')
  t.equal(codeOf({ ...without(access, 'sub'), gty: 'client-credentials' }), undefined, 'Kinde: azp, and no sub')
  t.equal(principalOf({ ...without(access, 'sub'), gty: 'client-credentials' }).id, 'spa')
})

t.test('a token of a sign-in without a subject is refused', async (t) => {
  const personal = ['name', 'given_name', 'preferred_username', 'email', 'phone_number', 'picture', 'act', 'upn']
  for (const sign of ['auth_time', 'amr', 'sid', 'uid', 'username', 'user_name', ...personal])
    t.equal(codeOf({ ...without(access, 'sub'), client_id: 'daemon', [sign]: 1 }), refused('missing_claim'), sign)
  t.equal(codeOf({ ...without(access, 'sub'), client_id: 'daemon' }), undefined, 'and for its client otherwise')
})

t.test(
  'an app-only token without a subject has the ID of its client: there is always a key to store data under',
  async (t) => {
    for (const sub of [undefined, null]) {
      const { id, subject, clientId } = principalOf({ ...access, azp: undefined, client_id: 'daemon', sub })
      t.strictSame([id, subject, clientId], ['daemon', 'daemon', 'daemon'], String(sub))
    }
  }
)

const clientIds: { rule: string; claims: Members; is: string }[] = [
  { rule: 'OpenID Connect Core §2: azp', claims: { azp: 'a', client_id: 'b', cid: 'c' }, is: 'a' },
  { rule: 'RFC 8693 §4.3: client_id', claims: { client_id: 'b', cid: 'c' }, is: 'b' },
  { rule: 'Okta’s cid', claims: { cid: 'c' }, is: '' },
  { rule: 'an empty one is none', claims: { azp: '', client_id: 'b' }, is: 'b' },
  { rule: 'an odd one is none', claims: { azp: ['a'], client_id: 'c' }, is: 'c' },
  { rule: 'none', claims: {}, is: '' },
  { rule: 'appid is Entra’s', claims: { appid: 'd' }, is: '' }
]

t.test('clientId', async (t) => {
  for (const { rule, claims, is } of clientIds)
    t.equal(principalOf({ ...without(access, 'azp'), ...claims }).clientId, is, rule)
})

const grants: { rule: string; claims: Members; is: string[] }[] = [
  { rule: 'RFC 8693 §4.2: a string', claims: { scope: 'a b' }, is: ['a', 'b'] },
  { rule: 'Duende: an array', claims: { scope: ['a', 'b'] }, is: ['a', 'b'] },
  { rule: 'Okta: scp, an array', claims: { scp: ['a', 'b'] }, is: ['a', 'b'] },
  { rule: 'scp, a string', claims: { scp: 'a b' }, is: ['a', 'b'] },
  { rule: 'an entry of an array is one scope', claims: { scope: ['a b'] }, is: ['a b'] },
  { rule: 'RFC 6749 §3.3: spaces hold none', claims: { scope: '  ', scp: [' '] }, is: [] },
  { rule: 'RFC 6749 §3.3: case-sensitive, parted by spaces only', claims: { scope: 'A,b' }, is: ['A,b'] },
  { rule: 'what is no string is none', claims: { scope: 7, scp: [1, null, ['a'], {}] }, is: [] },
  { rule: 'none', claims: {}, is: [] }
]

t.test('scopes of a user; of an app they are its roles, beside those that it was assigned', async (t) => {
  for (const { rule, claims, is } of grants) {
    const bare = { ...without(access, 'scope'), roles: ['assigned'], groups: ['sales'], ...claims }
    const user = principalOf(bare)
    t.strictSame([user.scopes, user.roles, user.groups], [is, ['assigned'], ['sales']], rule)
    const app = principalOf({ ...bare, sub: 'spa', client_id: 'spa' })
    t.strictSame([app.scopes, app.roles, app.groups], [[], ['assigned', ...is], []], `${rule}: an app’s`)
  }
})

t.test('name and email are for display, absent where not sent, and absent for apps', async (t) => {
  const profile = { name: 'Ann', email: 'ann@shop.example', preferred_username: 'ann' }
  t.match(principalOf({ ...access, ...profile }), { kind: 'user', name: 'Ann', email: 'ann@shop.example' })
  t.match(principalOf({ ...access, ...profile, email: 7 }), { email: 'ann' })
  for (const principal of [
    principalOf({ ...access }),
    principalOf({ ...access, ...profile, sub: 'spa', client_id: 'spa' })
  ])
    t.notOk('name' in principal || 'email' in principal, principal.kind)
})

t.test('OpenID Connect Core §5.7: iss and sub together are the key, and nothing that may change', async (t) => {
  const changing = { email: 'e', preferred_username: 'p', upn: 'u', oid: 'o', uid: 'x', username: 'n' }
  const { id, subject, issuer, tenantId } = principalOf({ ...access, ...changing, tid: 't' })
  t.strictSame([id, subject, issuer, tenantId], ['ann', 'ann', access.iss, access.iss])
})

const odd: unknown[] = [undefined, null, true, 0, -1, 1.5, '', ' ', 'text', [], ['a', 1, null], [['a']], {}, { a: [1] }]
odd.push(JSON.parse('{"toString":1,"valueOf":1}'), JSON.parse('{"__proto__":{"a":1}}'), 'x'.repeat(10_000))
const isText = (value: unknown) => typeof value === 'string'

function thawed(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const own = Object.isFrozen(value) ? [] : [path]
  return [...own, ...Object.entries(value).flatMap(([name, member]) => thawed(member, `${path}.${name}`))]
}

/** What must hold of any principal, or what does not. */
function wrongWith(claims: Members, provider?: Provider): string[] {
  const principal = principalOf(claims, provider)
  const { id, subject, clientId, scopes, roles, groups, kind } = principal
  const lists = [...scopes, ...roles, ...groups] as unknown[]
  return [
    ...(isText(id) && id !== '' && subject === id ? [] : ['an id']),
    ...(isText(clientId) ? [] : ['a clientId']),
    ...(lists.every((entry) => isText(entry) && String(entry).trim() !== '') ? [] : ['lists of strings']),
    ...(kind === 'app' && scopes.length + groups.length > 0 ? ['an app without scopes and groups'] : []),
    ...(['name', 'email'].every((name) => !(name in principal) || isText(Reflect.get(principal, name)))
      ? []
      : ['display']),
    ...thawed(withFrozenClaims(principal), 'frozen')
  ]
}

t.test('a claim of any JSON type is refused or left out, and never throws (which would be a 500)', async (t) => {
  const everywhere = [
    'scope',
    'scp',
    'cid',
    'client_id',
    'gty',
    'roles',
    'groups',
    'name',
    'email',
    'events',
    'nonce',
    'cnf'
  ]
  for (const [name, { claims, header, provider = anyProvider }] of Object.entries(fixtures)) {
    const wrong: string[] = []
    // `iss` is a string here: it was looked up among the trusted issuers.
    for (const claim of new Set([...Object.keys(without(claims, 'iss')), ...everywhere])) {
      for (const value of odd) {
        const replaced = structuredClone({ ...claims, [claim]: value })
        const told = `${claim}: ${JSON.stringify(value)?.slice(0, 40)}`
        const allowedClients = new Set(['spa'])
        try {
          refusalOf(structuredClone(replaced), header, { allowedClients, provider })
          if (!refusalOf(replaced, header, { provider }))
            wrong.push(...wrongWith(replaced, provider).map((what) => `${told}: ${what}`))
        } catch (error) {
          wrong.push(`${told}: ${error}`)
        }
      }
    }
    t.strictSame(wrong, [], name)
  }
})

t.test('frozen, all the way down', async (t) => {
  for (const sub of ['ann', 'spa']) {
    const principal = principalOf({
      ...access,
      sub,
      client_id: 'spa',
      roles: ['a'],
      groups: ['b'],
      deep: [{ deeper: [[{}]] }]
    })
    t.strictSame(thawed(withFrozenClaims(principal), principal.kind), [])
    t.throws(() => (principal.roles as string[]).push('Admin'), TypeError, 'a role cannot be added')
    t.throws(() => Object.assign(principal, { kind: 'app' }), TypeError, 'nor the kind changed')
  }
})

/** A provider other than Entra, over real HTTP, whose key is for ES256. */
async function startProvider(t: Test) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'es-1', use: 'sig', alg: 'ES256' }
  const server = createServer(({ url = '' }, response) => {
    const documents: Record<string, unknown> = {
      '/realms/shop/.well-known/openid-configuration': {
        ...{ issuer, jwks_uri: `${issuer}/certs` },
        ...{ authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token` }
      },
      '/realms/shop/certs': { keys: [jwk] }
    }
    response.statusCode = Object.hasOwn(documents, url) ? 200 : 404
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(documents[url] ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/shop`
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const token = (claims: Members = {}, header: Members = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const all = { ...access, iss: issuer, iat: now, exp: now + 300, ...claims }
    return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: 'es-1', typ: 'JWT', ...header }).sign(privateKey)
  }
  return { issuer, token }
}

async function startOrders(t: Test, issuer: string) {
  const routes = (app: FastifyInstance) => {
    app.get('/me', ({ principal }) => principal)
    app.get('/orders', { preHandler: requireScope('orders.read') }, () => 'orders')
    app.get('/staff', { preHandler: requireGroup('staff') }, () => 'staff')
    app.get('/sync', { preHandler: requireAppPermission('orders.sync') }, () => 'done')
  }
  return listen(await buildApi(t, { options: { issuer, audience }, routes }))
}

t.test('an API of another provider, from its discovery to the answer', async (t) => {
  const { issuer, token } = await startProvider(t)
  const { app, origin } = await startOrders(t, issuer)

  t.test('a user’s token, by the key for ES256', async (t) => {
    const answer = await get(`${origin}/me`, await token({ name: 'Ann' }))
    t.equal(answer.status, 200)
    t.match(JSON.parse(answer.body), {
      ...{ kind: 'user', id: 'ann', subject: 'ann', issuer, tenantId: issuer, clientId: 'spa', name: 'Ann' },
      ...{ scopes: ['orders.read'], roles: [], groups: [], claims: { iss: issuer, aud: audience } }
    })
    t.equal((await get(`${origin}/orders`, await token())).status, 200, 'its scope')
    t.equal((await get(`${origin}/me`, await token({}, { typ: 'at+jwt' }))).status, 200, 'RFC 9068 §2.1')
  })

  t.test('a token of a service: its scopes are application permissions, those of a user are not', async (t) => {
    const sync = { scope: 'orders.sync', client_id: 'spa' }
    t.equal((await get(`${origin}/sync`, await token({ ...sync, sub: 'spa' }))).status, 200)
    t.equal((await get(`${origin}/sync`, await token(sync))).status, 403, 'a user who was given the same scope')
    t.equal(
      (await get(`${origin}/orders`, await token({ sub: 'spa', client_id: 'spa' }))).status,
      403,
      'scopes are a user’s to give'
    )
  })

  t.test('groups are the only grant of a user’s token', async (t) => {
    const staff = { scope: '', groups: ['staff'] }
    t.equal((await get(`${origin}/staff`, await token(staff))).status, 200)
    t.equal((await get(`${origin}/staff`, await token({ ...staff, groups: ['sales'] }))).status, 403, 'another group')
    const app = await get(`${origin}/staff`, await token({ ...staff, sub: 'spa', client_id: 'spa' }))
    checkRefusal(t, app, { status: 403, error: 'insufficient_scope', code: 'no_permissions' })
  })

  t.test('refusals', async (t) => {
    const me = async (claims: Members, header?: Members) => get(`${origin}/me`, await token(claims, header))
    const invalid = { status: 401, error: 'invalid_token' }
    checkRefusal(t, await me({ aud: 'https://users.example' }), {
      ...invalid,
      code: 'wrong_audience',
      detail: /orders/
    })
    checkRefusal(t, await me({ iss: `${issuer}/` }), { ...invalid, code: 'wrong_issuer' })
    checkRefusal(t, await me({ nonce: 'n' }), { ...invalid, code: 'not_an_access_token' })
    checkRefusal(t, await me({}, { kid: 'es-2' }), { ...invalid, code: 'unknown_key' })
    const noPermissions = { status: 403, error: 'insufficient_scope', code: 'no_permissions' }
    checkRefusal(t, await me({ scope: '' }), noPermissions)
  })

  t.test('RFC 6750 §3: the challenge names the API, and the scope as clients ask for it', async (t) => {
    const lacking = await get(`${origin}/orders`, await token({ scope: 'orders.write' }))
    const forbidden = { status: 403, error: 'insufficient_scope', code: 'insufficient_permissions' }
    checkRefusal(t, lacking, { ...forbidden, scope: 'orders.read' })
    for (const answer of [lacking, await get(`${origin}/orders`)]) {
      const { parameters } = parseChallenge(answer.headers.get('www-authenticate'))
      t.equal(parameters.realm, audience, 'RFC 9110 §11.5')
    }
  })

  t.test('OpenAPI 3.1 §4.8.27: the provider’s endpoints, scopes by their names, and no .default', async (t) => {
    t.match(app.entra.metadata, { issuer, tokenEndpoint: `${issuer}/token` })
    const { securitySchemes, transform } = app.entra.openapi
    const endpoints = { authorizationUrl: `${issuer}/auth`, tokenUrl: `${issuer}/token` }
    const flows = Object.values(securitySchemes).map((scheme) => 'flows' in scheme && scheme.flows)
    t.strictSame(flows, [
      { authorizationCode: { ...endpoints, scopes: { 'orders.read': 'orders.read' } } },
      { clientCredentials: { tokenUrl: endpoints.tokenUrl, scopes: {} } }
    ])
    const [asUser = '', asApp = ''] = Object.keys(securitySchemes)
    const route = { method: 'GET' as const, url: '/any', handler: () => '' }
    const { schema } = transform({ schema: {}, url: '/any', route })
    t.match(schema, { security: [{ [asUser]: [] }, { [asApp]: [] }] })
  })
})
