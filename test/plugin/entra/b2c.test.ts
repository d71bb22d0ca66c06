/** Azure AD B2C: tokens as in Microsoft's "Request an access token in Azure Active Directory B2C". */

import type { ServerResponse } from 'node:http'
import t from 'tap'
import type { Claims } from '../../../src/plugin/claims/principal.js'
import { toUserFlowPrincipal, type UserFlowRules, userFlowChecks } from '../../../src/plugin/entra/b2c.js'
import { firstRefusal } from '../../../src/plugin/issuers/token-rules.js'
import { startApi } from '../../support/api.js'
import { clientId, startTestTenant, tenantId } from '../../support/tenant.js'

const tid = '11111111-2222-4333-8444-555555555555'
const other = '22222222-3333-4444-8555-666666666666'
const api = '66666666-7777-4888-8999-aaaaaaaaaaaa'
const client = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'
const key = { kid: 'k', pem: 'PEM', algorithms: ['RS256'] } as const
const rules: UserFlowRules = {
  ...{ userFlow: 'B2C_1_signin', audiences: [api], scopeBase: `api://${api}`, allowedClients: undefined }
}
const good = {
  ...{ iss: `https://contoso.b2clogin.com/${tid}/v2.0/`, iat: 1, nbf: 1, exp: 2, aud: api, azp: client, ver: '1.0' },
  ...{
    oid: 'a-user',
    sub: 'a-user',
    tfp: 'B2C_1_signin',
    scp: 'read write',
    nonce: 'n',
    name: 'Ann',
    emails: ['a@b.example']
  }
}

const refusalOf = (claims: object, with_: UserFlowRules = rules) =>
  firstRefusal(userFlowChecks(with_), { header: {}, claims: claims as Claims, key })

const codeOf = (claims: object, with_: object = {}) => refusalOf({ ...good, ...claims }, { ...rules, ...with_ })?.code

t.test('an access token of the user flow', async (t) => {
  const rows: Record<string, object> = {
    'as it is': {},
    'tfp in another case': { tfp: 'b2c_1_SIGNIN' },
    'acr, as older ones have it': { tfp: undefined, acr: 'b2c_1_signin' },
    'with tid': { tid },
    'the issuer with the user flow in it': { iss: `https://contoso.b2clogin.com/tfp/${tid}/b2c_1_signin/v2.0/`, tid },
    'without a nonce': { nonce: undefined },
    'several audiences': { aud: ['x', api] }
  }
  for (const [name, claims] of Object.entries(rows)) t.equal(codeOf(claims), undefined, name)
})

t.test('anything else', async (t) => {
  const rows: Record<string, [object, string]> = {
    'another user flow': [{ tfp: 'B2C_1_reset' }, 'wrong_user_flow'],
    'no user flow': [{ tfp: undefined }, 'wrong_user_flow'],
    'a list of user flows': [{ tfp: ['B2C_1_signin'] }, 'wrong_user_flow'],
    'another one in tfp, this one in acr': [{ tfp: 'B2C_1_reset', acr: 'B2C_1_signin' }, 'wrong_user_flow'],
    'tid of another tenant': [{ tid: other }, 'wrong_tenant'],
    'tid that is null': [{ tid: null }, 'wrong_tenant'],
    'an ID token': [{ azp: undefined, scp: undefined }, 'not_an_access_token'],
    at_hash: [{ at_hash: 'x' }, 'not_an_access_token'],
    c_hash: [{ c_hash: 'x' }, 'not_an_access_token'],
    'an event': [{ events: {} }, 'not_an_access_token'],
    'bound to a key': [{ cnf: { jkt: 'x' } }, 'bound_token'],
    'another API': [{ aud: other }, 'wrong_audience'],
    'sub is a number': [{ sub: 7 }, 'invalid_claim']
  }
  for (const [name, [claims, code]] of Object.entries(rows)) t.equal(codeOf(claims), code, name)
  const { scp: _, ...unscoped } = good
  t.equal(refusalOf(unscoped)?.code, 'not_an_access_token', 'no scope')
  for (const name of ['aud', 'iat', 'sub']) {
    const claims = Object.fromEntries(Object.entries(good).filter(([each]) => each !== name))
    t.equal(refusalOf(claims)?.code, 'missing_claim', name)
  }
  t.equal(codeOf({}, { allowedClients: new Set(['someone']) }), 'client_not_allowed')
  t.equal(codeOf({}, { allowedClients: new Set([client]) }), undefined)
})

t.test('whom it speaks for', async (t) => {
  const principal = toUserFlowPrincipal(good)
  t.match(principal, {
    ...{ kind: 'user', id: 'a-user', subject: 'a-user', tenantId: tid, issuer: good.iss, clientId: client },
    ...{
      scopes: ['read', 'write'],
      roles: [],
      groups: [],
      membership: 'unknown',
      isGuest: false,
      name: 'Ann',
      claims: good
    }
  })
  t.ok(Object.isFrozen(principal.scopes))
  const iss = `https://contoso.b2clogin.com/tfp/${tid}/b2c_1_signin/v2.0/`
  t.match(toUserFlowPrincipal({ ...good, iss }), { issuer: iss, tenantId: tid }, 'the issuer with the user flow in it')
  const { oid: _, ...without } = good
  t.equal(toUserFlowPrincipal({ ...without, sub: 's' }).id, 's', 'by sub, where oid is left out')
})

t.test('a user flow, from its discovery document to the answer', async (t) => {
  const tenant = await startTestTenant(t)
  const document = `/${tenantId}/B2C_1_signin/v2.0/.well-known/openid-configuration`
  const iss = `${tenant.origin}/${tenantId}/v2.0/`
  const answer = (body: object) => (_request: unknown, response: ServerResponse) => response.end(JSON.stringify(body))
  tenant.answers.set(document, answer({ issuer: iss, jwks_uri: `${tenant.origin}/keys` }))
  tenant.answers.set('/keys', answer({ keys: tenant.keys }))
  const userFlow = 'B2C_1_signin'
  const { get } = await startApi(t, { tenant, options: { userFlow } })
  const own = { iss, tid: undefined, ver: '1.0', tfp: userFlow, scp: 'read', aud: clientId }
  const { status, body } = await get('/me', await tenant.userToken(own))
  t.equal(status, 200)
  t.match(JSON.parse(body), { kind: 'user', tenantId, scopes: ['read'], issuer: iss })
  const other = await get('/me', await tenant.userToken({ ...own, tfp: 'B2C_1_reset' }))
  t.match(JSON.parse(other.body), { status: 401, code: 'wrong_user_flow' })
})
