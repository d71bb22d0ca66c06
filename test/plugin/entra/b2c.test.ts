/** Azure AD B2C: tokens as in Microsoft's "Request an access token in Azure Active Directory B2C". */

import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import type { Claims } from '../../../src/plugin/claims/principal.js'
import { toUserFlowPrincipal, type UserFlowRules, userFlowChecks } from '../../../src/plugin/entra/b2c.js'
import { firstRefusal } from '../../../src/plugin/issuers/token-rules.js'
import { until } from '../../faults/waits.js'
import { buildApi, startApi } from '../../support/api.js'
import { get, listen } from '../../support/http.js'
import { clientId, type SigningKey, signingKey, startTestTenant, tenantId } from '../../support/tenant.js'

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

/** With the claims that Microsoft publishes of it, and no other. */
const appOnly = {
  ...{ iss: good.iss, iat: 1, nbf: 1, exp: 2, aud: api, azp: client, ver: '1.0', sub: 'service-principal' },
  scp: 'app.read app.write'
}

t.test('Microsoft "Set up OAuth 2.0 client credentials flow in Azure AD B2C": an app, and nobody else', async (t) => {
  t.equal(refusalOf(appOnly), undefined)
  t.equal(refusalOf({ ...appOnly, tid, oid: 'service-principal', azpacr: '1' }), undefined)
  const principal = toUserFlowPrincipal(appOnly)
  t.match(principal, { kind: 'app', id: 'service-principal', clientId: client, tenantId: tid, scopes: [], groups: [] })
  t.same(principal.roles, ['app.read', 'app.write'])
  t.notOk('name' in toUserFlowPrincipal({ ...appOnly, name: 'Ann' }))
  const aboutUsers = [
    'name',
    'emails',
    'email',
    'nonce',
    'auth_time',
    'idp',
    'given_name',
    'extension_role',
    'tfp',
    'acr'
  ]
  for (const name of aboutUsers)
    t.equal(refusalOf({ ...appOnly, [name]: name.length < 4 ? [] : 'x' })?.code, 'wrong_user_flow', `with ${name}`)
  const rows: [claims: object, code: string][] = [
    [{ ...appOnly, oid: 'another' }, 'wrong_user_flow'],
    [{ ...appOnly, scp: '' }, 'wrong_user_flow'],
    [{ ...appOnly, scp: ['app.read'] }, 'wrong_user_flow'],
    [{ ...appOnly, azp: 7 }, 'wrong_user_flow'],
    [{ ...appOnly, aud: other }, 'wrong_audience'],
    [{ ...appOnly, tid: other }, 'wrong_tenant']
  ]
  for (const [claims, code] of rows) t.equal(refusalOf(claims)?.code, code, JSON.stringify(claims))
  for (const userFlow of ['B2C_1A_signin', 'b2c_1a_x', 'signin']) {
    const why = refusalOf(appOnly, { ...rules, userFlow })
    t.equal(why?.code, 'wrong_user_flow', `${userFlow}: a custom policy can leave its name out of users' tokens`)
    t.match(why?.detail, /names no user flow \(tfp or acr\).*custom policy has to put its name into tfp/)
  }
})

t.test('Microsoft "Request an access token in Azure AD B2C": the client ID as the scope', async (t) => {
  const { scp: _, ...unscoped } = { ...good, azp: api }
  const why = refusalOf(unscoped)
  t.match(why, {
    status: 403,
    code: 'no_permissions',
    detail: /own client ID as the scope\. Ask for .*rolelessClients/
  })
  t.equal(refusalOf(unscoped, { ...rules, rolelessClients: new Set([api]) }), undefined)
  t.equal(refusalOf(unscoped, { ...rules, rolelessClients: new Set([client]) })?.code, 'no_permissions')
  t.same(toUserFlowPrincipal(unscoped).scopes, [])
  t.equal(refusalOf({ ...unscoped, azp: client })?.code, 'not_an_access_token', 'of another client it has a scope')
  const { azp: __, ...idToken } = unscoped
  const roleless = { ...rules, rolelessClients: new Set([api]) }
  t.equal(refusalOf(idToken, roleless)?.code, 'not_an_access_token', 'an ID token has no azp')
  for (const mark of ['at_hash', 'c_hash', 'events'])
    t.equal(refusalOf({ ...unscoped, [mark]: 'x' }, roleless)?.code, 'not_an_access_token', mark)
})

t.test('each check, left out by its name, lets a token through', async (t) => {
  const { scp: _, ...unscoped } = good
  const refusedBy: Record<string, object> = {
    'b2c.claims': Object.fromEntries(Object.entries(good).filter(([name]) => name !== 'iat')),
    'b2c.tid': { ...good, tid: other },
    'b2c.user_flow': { ...good, tfp: 'B2C_1_reset' },
    'b2c.access_token': { ...good, at_hash: 'x' },
    cnf: { ...good, cnf: {} },
    sub: { ...good, sub: 7 },
    'b2c.aud': { ...good, aud: other },
    client: { ...good, azp: other },
    'b2c.scope': { ...unscoped, azp: api }
  }
  const checks = userFlowChecks({ ...rules, allowedClients: new Set([client, api]) })
  t.same(checks.map(({ id }) => id).sort(), Object.keys(refusedBy).sort())
  for (const [id, claims] of Object.entries(refusedBy)) {
    const token = { header: {}, claims: claims as Claims, key }
    t.ok(firstRefusal(checks, token), id)
    t.equal(
      firstRefusal(
        checks.filter((check) => check.id !== id),
        token
      ),
      undefined,
      `${id}, left out`
    )
  }
})

t.test('tfp that is not text does not leave the decision to acr', async (t) => {
  for (const tfp of [[], {}, 7, '']) t.equal(refusalOf({ ...good, tfp, acr: 'B2C_1_signin' })?.code, 'wrong_user_flow')
  t.equal(refusalOf({ ...good, tfp: null, acr: 'B2C_1_signin' }), undefined, 'null counts as absent')
})

t.test('emails, for display', async (t) => {
  const emailIn = (claims: object) => {
    const principal = toUserFlowPrincipal({ ...good, emails: undefined, ...claims })
    return principal.kind === 'user' ? principal.email : 'an app'
  }
  t.equal(emailIn({ emails: ['a@b.example', 'c@d.example'] }), 'a@b.example')
  t.equal(emailIn({ emails: ['a@b.example'], preferred_username: 'p' }), 'a@b.example')
  t.equal(emailIn({ emails: ['a@b.example'], email: 'e@f.example' }), 'e@f.example')
  t.equal(emailIn({ preferred_username: 'p' }), 'p')
  for (const emails of [[], 'a@b.example', [7], {}, null, undefined]) t.equal(emailIn({ emails }), undefined)
})

t.test('words for another user flow name those that are trusted, and show nothing odd', async (t) => {
  const several = { ...rules, userFlows: ['B2C_1_signin', 'B2C_1_edit'] }
  t.equal(
    refusalOf({ ...good, tfp: 'B2C_1_reset' }, several)?.detail,
    'The token was issued by the user flow "B2C_1_reset", and this API trusts B2C_1_signin or B2C_1_edit. Sign in with that.'
  )
  t.match(refusalOf({ ...good, tfp: 'a" \r\nx' })?.detail, /user flow "a\?{4}x", and this API trusts B2C_1_signin\./)
  t.match(refusalOf({ ...good, tfp: 'x'.repeat(200) })?.detail, /"x{100}"/)
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

/** A tenant whose user flows have documents and keys of their own. */
async function startFlows(t: Test, flows: readonly string[], toIssuer: (origin: string, flow: string) => string) {
  const tenant = await startTestTenant(t)
  const keys = new Map<string, SigningKey>()
  const answer = (body: () => object) => (_request: unknown, response: ServerResponse) =>
    response.end(JSON.stringify(body()))
  const publish = async (flow: string) => {
    const own = keys.get(flow) ?? (await signingKey(`key of ${flow}`))
    keys.set(flow, own)
    const document = { issuer: toIssuer(tenant.origin, flow), jwks_uri: `${tenant.origin}/keys/${flow}` }
    tenant.answers.set(
      `/${tenantId}/${flow}/v2.0/.well-known/openid-configuration`,
      answer(() => document)
    )
    tenant.answers.set(
      `/keys/${flow}`,
      answer(() => ({ keys: [own.jwk] }))
    )
  }
  for (const flow of flows) await publish(flow)
  const token = (flow: string, claims: object = {}, signedFor = flow) => {
    const iss = toIssuer(tenant.origin, flow)
    return tenant.userToken(
      { iss, tid: undefined, ver: '1.0', tfp: flow, scp: 'read', aud: clientId, ...claims },
      { kid: `key of ${signedFor}` },
      keys.get(signedFor)
    )
  }
  const register = async (options: object) => {
    const { origin } = await listen(await buildApi(t, { options }))
    return async (sent: string | Promise<string>) => {
      const { status, body } = await get(`${origin}/me`, await sent)
      return status === 200 ? (JSON.parse(body) as { kind: string }).kind : (JSON.parse(body) as { code: string }).code
    }
  }
  const b2c = (userFlow: string | readonly string[]) => ({ tenantId, clientId, authority: tenant.origin, userFlow })
  return { tenant, token, register, publish, keys, b2c }
}

const oneIssuer = (origin: string) => `${origin}/${tenantId}/v2.0/`
const issuerOfEach = (origin: string, flow: string) => `${origin}/tfp/${tenantId}/${flow.toLowerCase()}/v2.0/`

for (const [name, toIssuer] of Object.entries({ oneIssuer, issuerOfEach })) {
  t.test(`several user flows of one tenant, each with its own keys: ${name}`, async (t) => {
    const userFlow = ['B2C_1_signin', 'B2C_1A_edit']
    const { token, register, b2c } = await startFlows(t, [...userFlow, 'B2C_1_reset'], toIssuer)
    const ask = await register(b2c(userFlow))
    for (const flow of userFlow) t.equal(await ask(token(flow)), 'user', flow)
    t.equal(await ask(token('B2C_1_signin', { tfp: undefined, acr: 'b2c_1_SIGNIN' })), 'user', 'acr, in another case')
    t.equal(await ask(token('B2C_1A_edit', { tfp: 'b2c_1a_EDIT' })), 'user')
    t.equal(await ask(token('B2C_1_signin', {}, 'B2C_1A_edit')), 'unknown_key', 'the key of another user flow')
    t.equal(await ask(token('B2C_1A_edit', {}, 'B2C_1_signin')), 'unknown_key')
    const foreign = toIssuer === oneIssuer ? 'unknown_key' : 'wrong_issuer'
    t.equal(await ask(token('B2C_1_reset')), foreign, 'a user flow that is not in the list')
    const byTrusted = token('B2C_1_signin', { tfp: 'B2C_1_reset' })
    t.equal(await ask(byTrusted), 'wrong_user_flow', 'by the key of one that is')
    t.equal(await ask(token('B2C_1_signin', { tfp: ['B2C_1_signin'] })), 'wrong_user_flow', 'a list')
  })
}

t.test('client credentials among several user flows', async (t) => {
  const userFlow = ['B2C_1A_edit', 'B2C_1_signin']
  const { token, register, b2c } = await startFlows(t, userFlow, oneIssuer)
  const ask = await register(b2c(userFlow))
  const service = { tfp: undefined, oid: undefined, name: undefined, azpacr: undefined, sub: 'a', scp: 'app.read' }
  t.equal(await ask(token('B2C_1_signin', service)), 'app')
  t.equal(await ask(token('B2C_1A_edit', service)), 'unknown_key', 'the custom policy’s key')
  const custom = await register(b2c('B2C_1A_edit'))
  t.equal(await custom(token('B2C_1A_edit', service)), 'wrong_user_flow')
})

t.test('a user flow whose document is not there yet', async (t) => {
  const { tenant, token, register, publish, keys, b2c } = await startFlows(t, ['B2C_1_signin'], oneIssuer)
  keys.set('B2C_1_edit', await signingKey('key of B2C_1_edit'))
  const document = `/${tenantId}/B2C_1_edit/v2.0/.well-known/openid-configuration`
  tenant.answers.set(document, (_request, response) => response.writeHead(500).end())
  const ask = await register({ ...b2c(['B2C_1_signin', 'B2C_1_edit']), keysCooldownSeconds: 1 })
  t.equal(await ask(token('B2C_1_signin')), 'user')
  t.equal(await ask(token('B2C_1_edit')), 'tenant_unavailable', 'it may be one of it')
  t.equal(await ask(token('B2C_1_signin', { tfp: 'B2C_1_other' })), 'wrong_user_flow', 'it is none of it')
  await publish('B2C_1_edit')
  await until('the document to be fetched', async () => (await ask(token('B2C_1_edit'))) === 'user')
})

t.test('no other issuer takes the name of a user flow', async (t) => {
  const { tenant, token, register, b2c } = await startFlows(t, ['B2C_1_signin'], oneIssuer)
  const named = { issuer: oneIssuer(tenant.origin), audience: 'another' }
  const ask = await register({ tenants: [b2c(['B2C_1_signin']), named], keysTimeoutSeconds: 0.5 })
  t.equal(await ask(token('B2C_1_signin')), 'tenant_unavailable', 'the configured name is that of the other')
})

t.test('user flows of one name in two tenants: a document that is missing there holds up no token here', async (t) => {
  const { tenant, token, register, b2c } = await startFlows(t, ['B2C_1_signin'], oneIssuer)
  const elsewhere = { ...b2c('B2C_1_edit'), tenantId: other }
  tenant.answers.set(`/${other}/B2C_1_edit/v2.0/.well-known/openid-configuration`, (_request, response) =>
    response.writeHead(500).end()
  )
  const ask = await register({ tenants: [b2c('B2C_1_signin'), elsewhere], keysTimeoutSeconds: 0.5 })
  t.equal(await ask(token('B2C_1_signin')), 'user')
  t.equal(await ask(token('B2C_1_signin', { tfp: 'B2C_1_edit' })), 'wrong_user_flow')
})
