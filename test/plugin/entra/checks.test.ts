import t from 'tap'
import { clientIdOf, entraChecks, type TenantRules } from '../../../src/plugin/entra/checks.js'
import { firstRefusal } from '../../../src/plugin/issuers/token-rules.js'
import type { VerificationKey } from '../../../src/plugin/keys/jwks.js'

const tid = '11111111-2222-4333-8444-555555555555'
const otherTid = '99999999-2222-4333-8444-555555555555'
const personal = '9188040d-6c67-4c5b-b112-36a304b66dad'
const api = '66666666-7777-4888-8999-aaaaaaaaaaaa'
const client = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'
const v2Issuer = `https://login.microsoftonline.com/${tid}/v2.0`
const v1Issuer = `https://sts.windows.net/${tid}/`

const rules: TenantRules = {
  version: '2.0',
  audiences: [api, `api://${api}`],
  scopeBase: `api://${api}`,
  clientId: api,
  allowedClients: undefined,
  acceptsTenant: () => true
}

const v2 = { iss: v2Issuer, tid, ver: '2.0', aud: api, azp: client, sub: 'pairwise', iat: 1, exp: 2, scp: 'a' }
const v1 = { iss: v1Issuer, tid, ver: '1.0', aud: `api://${api}`, appid: client, sub: 'pairwise', iat: 1, exp: 2 }

type Claims = Record<string, unknown>

function keyOf(issuer?: string): VerificationKey {
  return { kid: 'key-1', pem: 'PEM', algorithms: ['RS256'], ...(issuer !== undefined && { issuer }) }
}

const without = (claims: Claims, name: string) => Object.fromEntries(Object.entries(claims).filter(([n]) => n !== name))

function refusalOf(claims: Claims, with_: Partial<TenantRules> = {}, key = keyOf()) {
  const version = claims.iss === v1Issuer ? '1.0' : '2.0' // a token's `iss` picks its rules
  return firstRefusal(
    entraChecks({ ...rules, version, ...with_ }).filter(({ id }) => id !== 'entra.caller_kind'),
    { header: {}, claims, key }
  )
}

/** `undefined`: passes. Contract: wrong iss, aud, tid and ID tokens are 401 invalid_token. */
function codeOf(claims: Claims, with_?: Partial<TenantRules>, key?: VerificationKey) {
  const refusal = refusalOf(claims, with_, key)
  return refusal && `${refusal.status} ${refusal.error} ${refusal.code}`
}

const refused = (code: string) => `401 invalid_token ${code}`

const identity: { rule: string; claims: Claims; is: string | undefined }[] = [
  { rule: 'Entra rule 1: a v2 token', claims: v2, is: undefined },
  { rule: 'Entra rule 1: a v1 token', claims: v1, is: undefined },

  { rule: 'Entra rule 2: tid is the issuer’s tenant', claims: { ...v2, tid: otherTid }, is: refused('wrong_tenant') },
  {
    rule: 'Entra rule 2: tid is the issuer’s tenant, v1',
    claims: { ...v1, tid: otherTid },
    is: refused('wrong_tenant')
  },
  { rule: 'Entra rule 2: a personal account', claims: { ...v2, tid: personal }, is: refused('wrong_tenant') },
  {
    rule: 'Entra rule 2: tid is a GUID, not its beginning',
    claims: { ...v2, tid: tid.slice(0, -1) },
    is: refused('wrong_tenant')
  },
  { rule: 'Entra rule 2: tid is a GUID, and no more', claims: { ...v2, tid: `${tid}0` }, is: refused('wrong_tenant') },
  { rule: 'Entra rule 2: tid is a string: an array', claims: { ...v2, tid: [tid] }, is: refused('wrong_tenant') },
  { rule: 'Entra rule 2: tid is there', claims: without(v2, 'tid'), is: refused('missing_claim') },
  { rule: 'Entra rule 2: tid empty', claims: { ...v2, tid: '' }, is: refused('wrong_tenant') },

  { rule: 'ver goes with iss: 1.0 at v2', claims: { ...v2, ver: '1.0', appid: client }, is: refused('wrong_version') },
  { rule: 'ver goes with iss: 2.0 at v1', claims: { ...v1, ver: '2.0', azp: client }, is: refused('wrong_version') },
  { rule: 'ver is a string: a number', claims: { ...v2, ver: 2 }, is: refused('wrong_version') },
  { rule: 'ver is "2.0", not "2"', claims: { ...v2, ver: '2' }, is: refused('wrong_version') },
  { rule: 'ver is there', claims: without(v2, 'ver'), is: refused('missing_claim') },

  { rule: 'RFC 7519 §4.1.2: sub is a string: a number', claims: { ...v2, sub: 1 }, is: refused('invalid_claim') },
  { rule: 'sub empty', claims: { ...v2, sub: '' }, is: refused('invalid_claim') },
  { rule: 'sub null', claims: { ...v2, sub: null }, is: refused('invalid_claim') },
  { rule: 'sub is there', claims: without(v2, 'sub'), is: refused('missing_claim') },
  { rule: 'iat is there', claims: without(v2, 'iat'), is: refused('missing_claim') },

  {
    rule: 'Entra rule 6: v2 without azp is an ID token',
    claims: without(v2, 'azp'),
    is: refused('not_an_access_token')
  },
  { rule: 'Entra rule 6: v1 without appid', claims: without(v1, 'appid'), is: refused('not_an_access_token') },
  {
    rule: 'Entra rule 8: appid is v1’s',
    claims: { ...without(v2, 'azp'), appid: client },
    is: refused('not_an_access_token')
  },
  {
    rule: 'Entra rule 8: azp is v2’s',
    claims: { ...without(v1, 'appid'), azp: client },
    is: refused('not_an_access_token')
  },
  { rule: 'Entra rule 6: azp empty', claims: { ...v2, azp: '' }, is: refused('not_an_access_token') },
  { rule: 'Entra rule 6: azp a number', claims: { ...v2, azp: 1 }, is: refused('not_an_access_token') },
  {
    rule: 'Entra rule 6: nonce, though its aud fits',
    claims: { ...v2, nonce: 'n' },
    is: refused('not_an_access_token')
  },
  {
    rule: 'Entra rule 6: at_hash, though its aud fits',
    claims: { ...v2, at_hash: 'h' },
    is: refused('not_an_access_token')
  },
  {
    rule: 'Entra rule 6: c_hash, though its aud fits',
    claims: { ...v2, c_hash: 'h' },
    is: refused('not_an_access_token')
  },
  { rule: 'Entra rule 6: nonce in v1', claims: { ...v1, nonce: 'n' }, is: refused('not_an_access_token') },
  {
    rule: 'Entra rule 6: an ID token for the client is told what it is, not that its aud is wrong',
    claims: { ...without(v2, 'azp'), aud: client, nonce: 'n' },
    is: refused('not_an_access_token')
  }
]

t.test('iss, tid, ver, sub, and what is no access token', async (t) => {
  for (const { rule, claims, is } of identity) t.equal(codeOf(claims), is, rule)
})

const common = 'https://login.microsoftonline.com/{tenantid}/v2.0'

const keyIssuers: { rule: string; claims: Claims; issuer: string | undefined; is: string | undefined }[] = [
  { rule: 'Entra rule 3: absent says nothing, v2', claims: v2, issuer: undefined, is: undefined },
  { rule: 'Entra rule 3: absent says nothing, v1', claims: v1, issuer: undefined, is: undefined },
  { rule: 'Entra rule 3: a concrete one equals iss, v2', claims: v2, issuer: v2Issuer, is: undefined },
  { rule: 'Entra rule 3: a concrete one equals iss, v1', claims: v1, issuer: v1Issuer, is: undefined },
  { rule: 'Entra rule 3: a template takes tid', claims: v2, issuer: common, is: undefined },
  { rule: 'Entra rule 3: a v1 token under v2 metadata, concrete', claims: v1, issuer: v2Issuer, is: undefined },
  { rule: 'Entra rule 3: a v1 token under v2 metadata, template', claims: v1, issuer: common, is: undefined },
  {
    rule: 'Entra rule 3: a v2 token under a v1 key is not the exception',
    claims: v2,
    issuer: v1Issuer,
    is: refused('wrong_key_issuer')
  },
  {
    rule: 'Entra rule 3: a key of another tenant, v2',
    claims: v2,
    issuer: v2Issuer.replace(tid, otherTid),
    is: refused('wrong_key_issuer')
  },
  {
    rule: 'Entra rule 3: a key of another tenant, v1 token',
    claims: v1,
    issuer: v2Issuer.replace(tid, otherTid),
    is: refused('wrong_key_issuer')
  },
  {
    rule: 'Entra rule 2: a key for personal accounts',
    claims: v2,
    issuer: v2Issuer.replace(tid, personal),
    is: refused('wrong_key_issuer')
  },
  {
    rule: 'Entra rule 3: a template of another host',
    claims: v2,
    issuer: 'https://login.microsoftonline.us/{tenantid}/v2.0',
    is: refused('wrong_key_issuer')
  },
  { rule: 'no URL, v1', claims: v1, issuer: tid, is: refused('wrong_key_issuer') },
  { rule: 'empty is concrete, and not iss', claims: v2, issuer: '', is: refused('wrong_key_issuer') },
  {
    rule: 'the tenant anywhere else than in the first segment, v1',
    claims: v1,
    issuer: `https://login.microsoftonline.com/x/${tid}/`,
    is: refused('wrong_key_issuer')
  }
]

t.test('the key’s own issuer', async (t) => {
  for (const { rule, claims, issuer, is } of keyIssuers) t.equal(codeOf(claims, {}, keyOf(issuer)), is, rule)
})

const uri = ['https://api.contoso.example/orders']
const wrongAudience = refused('wrong_audience')

const audienceRows: { rule: string; claims: Claims; audiences?: string[]; is: string | undefined }[] = [
  { rule: 'Entra rule 4: v2, the client ID', claims: v2, is: undefined },
  { rule: 'Entra rule 4: v1, the client ID', claims: { ...v1, aud: api }, is: undefined },
  { rule: 'Entra rule 4: v1, an App ID URI', claims: v1, is: undefined },
  { rule: 'Entra rule 4: v1, an App ID URI and a slash', claims: { ...v1, aud: `api://${api}/` }, is: undefined },
  { rule: 'Entra rule 4: v1, and two slashes', claims: { ...v1, aud: `api://${api}//` }, is: wrongAudience },
  { rule: 'Entra rule 4: v2 knows no such slash', claims: { ...v2, aud: `api://${api}/` }, is: wrongAudience },
  { rule: 'Entra rule 4: a client ID has no slash', claims: { ...v1, aud: `${api}/` }, is: wrongAudience },
  {
    rule: 'Entra rule 4: v1, configured with a slash',
    claims: { ...v1, aud: uri[0] },
    audiences: [`${uri[0]}/`],
    is: undefined
  },
  { rule: 'another path of the URI', claims: { ...v1, aud: `${uri[0]}/admin` }, audiences: uri, is: wrongAudience },
  { rule: 'the beginning of the URI', claims: { ...v1, aud: uri[0]?.slice(0, -1) }, audiences: uri, is: wrongAudience },
  {
    rule: 'RFC 7519 §4.1.3: aud has a case',
    claims: { ...v1, aud: uri[0]?.toUpperCase() },
    audiences: uri,
    is: wrongAudience
  },
  { rule: 'the second of the accepted ones', claims: { ...v2, aud: 'b' }, audiences: ['a', 'b'], is: undefined },
  { rule: 'RFC 7519 §4.1.3: an array that holds it', claims: { ...v2, aud: ['x', api] }, is: undefined },
  { rule: 'RFC 7519 §4.1.3: an array of others', claims: { ...v2, aud: ['x', client] }, is: wrongAudience },
  { rule: 'an empty array', claims: { ...v2, aud: [] }, is: wrongAudience },
  { rule: 'an array within an array', claims: { ...v2, aud: [[api]] }, is: wrongAudience },
  { rule: 'the client’s own ID', claims: { ...v2, aud: client }, is: wrongAudience },
  { rule: 'empty', claims: { ...v2, aud: '' }, is: wrongAudience },
  { rule: 'a number', claims: { ...v2, aud: 42 }, is: wrongAudience },
  { rule: 'null', claims: { ...v2, aud: null }, is: wrongAudience },
  { rule: 'an object', claims: { ...v2, aud: { [api]: true } }, is: wrongAudience },
  { rule: 'absent', claims: without(v2, 'aud'), is: '401 invalid_token missing_claim' },
  { rule: 'the packages’ holes: no default that accepts', claims: v2, audiences: [], is: wrongAudience }
]

t.test('aud', async (t) => {
  for (const { rule, claims, audiences, is } of audienceRows)
    t.equal(codeOf(claims, audiences && { audiences }), is, rule)
})

t.test('Entra rule 4: a token for Graph is told which scope of this API to ask for', async (t) => {
  const refusal = refusalOf({ ...v2, aud: 'https://graph.microsoft.com' })
  t.match(refusal, { code: 'wrong_audience', detail: `${rules.scopeBase}/access_as_user` })
})

t.test('a token for another API is told what this one is', async (t) => {
  const { detail = '' } = refusalOf({ ...v2, aud: client }) ?? {}
  for (const name of [client, ...rules.audiences]) t.match(detail, name)
})

t.test('Entra rule 4: a configured audience wins over the list', async (t) => {
  const audiences = ['https://graph.microsoft.com']
  t.equal(codeOf({ ...v2, aud: audiences[0] }, { audiences }), undefined)
})

const allowedClients = new Set([client])

const clients: { rule: string; claims: Claims; allowedClients?: ReadonlySet<string>; is: string | undefined }[] = [
  { rule: 'the contract: any client by default', claims: v2, is: undefined },
  { rule: 'the contract: azp is listed', claims: v2, allowedClients, is: undefined },
  { rule: 'the contract: appid is listed', claims: v1, allowedClients, is: undefined },
  {
    rule: 'azp is not listed',
    claims: { ...v2, azp: api },
    allowedClients,
    is: '403 insufficient_scope client_not_allowed'
  },
  {
    rule: 'appid is not listed',
    claims: { ...v1, appid: api },
    allowedClients,
    is: '403 insufficient_scope client_not_allowed'
  },
  {
    rule: 'Entra rule 8: an appid says nothing in v2',
    claims: { ...v2, azp: api, appid: client },
    allowedClients,
    is: '403 insufficient_scope client_not_allowed'
  },
  {
    rule: 'an empty list lets nobody in',
    claims: v2,
    allowedClients: new Set(),
    is: '403 insufficient_scope client_not_allowed'
  },
  { rule: 'Entra rule 7: narrows, never grants', claims: { ...v2, aud: client }, allowedClients, is: wrongAudience }
]

t.test('allowedClients', async (t) => {
  for (const { rule, claims, allowedClients, is } of clients) t.equal(codeOf(claims, { allowedClients }), is, rule)
})

t.test('Entra rule 8: azp (v2) or appid (v1)', async (t) => {
  t.equal(clientIdOf({ ver: '2.0', azp: 'a', appid: 'b' }), 'a')
  t.equal(clientIdOf({ ver: '1.0', azp: 'a', appid: 'b' }), 'b')
  t.equal(clientIdOf({ ver: '2.0' }), undefined)
  t.equal(clientIdOf({ ver: '1.0', appid: ['b'] }), undefined)
})
