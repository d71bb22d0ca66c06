/** Claims challenges, from the API's 401 over Microsoft's own parser to a token with what was asked for. */

import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createEmptyPipeline,
  createPipelineRequest,
  type PipelineResponse
} from '@azure/core-rest-pipeline'
import { RequestParameterBuilder } from '@azure/msal-common'
import t, { type Test } from 'tap'
import entra, { type Principal, requireScope } from '../../src/plugin/index.js'
import { createBrowser, signIn } from '../../src/tenant/client.js'
import { startTenant, type Tenant } from '../../src/tenant/index.js'
import { listen, makeApp } from '../support/http.js'
import { startServerWithTenant, userToken } from '../support/server.js'
import { apiScope, appToken, authorizeUrl, claimsOf, clientId, postToken, start } from './helpers.js'

const username = 'user@contoso.example'

/** What a client sends on: what MSAL makes of a challenge's claims and of what it was told that the client can do. */
function claimsParameter(claims: string | undefined, capabilities: string[]): string {
  const parameters = new Map<string, string>()
  RequestParameterBuilder.addClaims(parameters, 'correlation', claims, capabilities)
  return String(parameters.get('claims'))
}

const c1 = claimsParameter('{"access_token":{"acrs":{"essential":true,"value":"c1"}}}', [])

/** A client on Microsoft's pipeline, which parses challenges and answers them with a new token. */
async function call(tenant: Tenant, url: string, capabilities: string[]) {
  const asked: (string | undefined)[] = []
  const getToken = async (_scopes: unknown, { claims }: { claims?: string } = {}) => {
    asked.push(claims)
    const request = { tenantId: tenant.tenantId, clientId: clientId(tenant, 'spa'), username }
    const scope = apiScope(tenant, 'access_as_user')
    const tokens = await signIn(tenant.origin, { ...request, scope, claims: claimsParameter(claims, capabilities) })
    return { token: tokens.access_token, expiresOnTimestamp: Date.now() + tokens.expires_in * 1000 }
  }
  const pipeline = createEmptyPipeline()
  // It sends tokens over https only, and no token ever leaves this machine here.
  const https = { name: 'loopback', sendRequest: sendOverHttp }
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential: { getToken }, scopes: [] }))
  pipeline.addPolicy(https, { afterPolicies: ['bearerTokenAuthenticationPolicy'] })
  const request = createPipelineRequest({ url: url.replace('http:', 'https:') })
  const response: PipelineResponse = await pipeline.sendRequest(createDefaultHttpClient(), request)
  return { status: response.status, asked }
}

type Send = Parameters<ReturnType<typeof createEmptyPipeline>['addPolicy']>[0]['sendRequest']

const sendOverHttp: Send = (request, next) => {
  request.url = request.url.replace('https:', 'http:')
  request.allowInsecureConnection = true
  return next(request)
}

t.test('step up: 401, the claims of the challenge, a new sign-in, 200', async (t) => {
  const { tenant, address } = await startServerWithTenant(t)
  const { status, asked } = await call(tenant, `${address}/step-up-protected`, ['CP1'])
  t.equal(status, 200)
  t.equal(asked.length, 2, 'two tokens: the second one for the challenge')
  t.same(JSON.parse(String(asked[1])), { access_token: { acrs: { essential: true, value: 'c1' } } })
})

t.test('a client that does not say that it understands challenges is refused', async (t) => {
  const { tenant, address, get } = await startServerWithTenant(t)
  const { status, asked } = await call(tenant, `${address}/step-up-protected`, [])
  t.same([status, asked.length], [403, 1])
  const { body, headers } = await get('/step-up-protected', await userToken(tenant, username))
  t.equal(body.status, 403)
  t.notMatch(headers.get('www-authenticate'), 'claims=')
})

t.test('continuous access: a token that was taken back, the claims of the challenge, a newer token, 200', async (t) => {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const made = makeApp(t)
  const revoked = new Set<unknown>()
  const isRevoked = ({ claims }: Principal) => {
    // The first token that comes is taken back as it does.
    if (revoked.size === 0) revoked.add(claims.uti)
    return revoked.has(claims.uti)
  }
  const { tenantId, origin, description } = tenant
  await made.app.register(entra, { tenantId, clientId: description.api.clientId, authority: origin, isRevoked })
  made.app.get('/', { preHandler: requireScope('access_as_user') }, async () => 'ok')
  const { status, asked } = await call(tenant, (await listen(made)).origin, ['CP1'])
  t.equal(status, 200)
  t.match(JSON.parse(String(asked[1])), { access_token: { nbf: { essential: true, value: /^\d+$/ } } })
})

/** Signed in once, with a refresh token and a browser's session. */
async function session(t: Test) {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const scope = `openid offline_access ${apiScope(tenant, 'access_as_user')}`
  const form = { client_id: clientId(tenant, 'spa'), redirect_uri: 'http://localhost:5173/callback' }
  const codeAt = (url: string) => String(new URL(url).searchParams.get('code'))
  const redeem = async (code: string, more: Record<string, string> = {}) => {
    const { codeVerifier } = await import('./helpers.js')
    const grant = { ...form, grant_type: 'authorization_code', code, code_verifier: codeVerifier, ...more }
    return (await (await postToken(tenant, grant)).json()) as Record<string, string>
  }
  const refresh = async (refresh_token: string | undefined, more: Record<string, string> = {}) => {
    const grant = { ...form, grant_type: 'refresh_token', refresh_token: String(refresh_token), ...more }
    return (await (await postToken(tenant, grant)).json()) as Record<string, string>
  }
  const acrs = async ({ access_token = '' }: Record<string, string>) => (await claimsOf(tenant, access_token)).acrs
  const ask = (parameters: Record<string, string> = {}) => browse(authorizeUrl(tenant, { scope, ...parameters }))
  const as = (name: string) => new URLSearchParams({ username: name })
  const first = await browse((await ask()).url, as(username))
  return { tenant, browse, ask, as, acrs, refresh, redeem, codeAt, first: await redeem(codeAt(first.url)) }
}

t.test('what the user did not prove is no matter of a refresh: interaction_required, with the claims', async (t) => {
  const { ask, as, browse, codeAt, redeem, refresh, acrs, first } = await session(t)
  const { refresh_token } = first
  t.equal(await acrs(first), undefined)
  const refused = await refresh(refresh_token, { claims: c1 })
  t.match(refused, { error: 'interaction_required', error_codes: [50076], claims: c1 })
  t.match(refused.error_description, /^AADSTS50076: /)
  t.equal(await acrs(await refresh(refresh_token)), undefined, 'the refresh token is as good as before')

  const page = await ask({ claims: c1 })
  t.match(page.url, '/login/', 'the session does not satisfy it either')
  const stepped = await redeem(codeAt((await browse(page.url, as(username))).url), { claims: c1 })
  t.same(await acrs(stepped), ['c1'])
  t.same(await acrs(await refresh(stepped.refresh_token, { claims: c1 })), ['c1'], 'proved once is proved')
  t.match(await ask({ claims: c1, prompt: 'none' }), { url: /\?code=/ }, 'also for the session')
  const c2 = c1.replace('c1', 'c2')
  t.match(await ask({ claims: c2, prompt: 'none' }), { url: /\?error=interaction_required/ })
  const both = await browse((await ask({ claims: c2 })).url, as(username))
  t.same(await acrs(await redeem(codeAt(both.url))), ['c1', 'c2'])
})

t.test('what one user proved is not proved for another who signs in after', async (t) => {
  const { ask, as, browse, codeAt, redeem, acrs } = await session(t)
  await browse((await ask({ claims: c1 })).url, as(username))
  const page = await ask({ prompt: 'login' })
  const { text } = await browse(page.url, as('admin@contoso.example'))
  const [, action] = /action="([^"]+)"/.exec(text) ?? []
  const fields = [...text.matchAll(/name="([^"]+)" value="([^"]+)"/g)].map(([, name, value]) => [name, value])
  const end = await browse(String(action), new URLSearchParams(Object.fromEntries(fields)))
  t.equal(await acrs(await redeem(codeAt(end.url))), undefined)
})

t.test('several contexts, and what is not essential', async (t) => {
  const { ask, refresh, acrs, first } = await session(t)
  const claims = JSON.stringify({ access_token: { acrs: { values: ['c1', 'c3', 7] }, xms_cc: null, nbf: {} } })
  t.equal(await acrs(await refresh(first.refresh_token, { claims })), undefined, 'voluntary')
  t.match(await ask({ claims, prompt: 'none' }), { url: /\?code=/ })
})

t.test('a token says what its client can do, also without a user', async (t) => {
  const { tenant, refresh, first } = await session(t)
  const capable = await refresh(first.refresh_token, { claims: claimsParameter(undefined, ['CP1', 'other']) })
  t.same((await claimsOf(tenant, String(capable.access_token))).xms_cc, ['cp1'])
  const incapable = await refresh(first.refresh_token, { claims: claimsParameter(undefined, ['other']) })
  t.notOk('xms_cc' in (await claimsOf(tenant, String(incapable.access_token))))
  const daemon = tenant.description.clients.find(({ name }) => name === 'daemon')
  const form = {
    ...{ grant_type: 'client_credentials', client_id: String(daemon?.clientId) },
    ...{ client_secret: String(daemon?.clientSecret), scope: apiScope(tenant, '.default') }
  }
  const response = await postToken(tenant, { ...form, claims: claimsParameter(c1, ['CP1']) })
  const { access_token } = (await response.json()) as { access_token: string }
  const claims = await claimsOf(tenant, access_token)
  t.same(claims.xms_cc, ['cp1'])
  t.notOk('acrs' in claims, 'nobody signed in')
  t.notOk('xms_cc' in (await claimsOf(tenant, await appToken(tenant, 'daemon'))))
})

t.test('a claims parameter that is no JSON object is refused', async (t) => {
  const { ask, refresh, first } = await session(t)
  for (const claims of ['{', 'null', '""x']) {
    t.match(await ask({ claims }), { url: /\?error=invalid_request/ }, claims)
    t.match(await refresh(first.refresh_token, { claims }), { error: 'invalid_request' }, claims)
  }
})
