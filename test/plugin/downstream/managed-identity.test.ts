/** A managed identity as the credential: MSAL over real HTTP, against an endpoint like that of Azure App Service, and a token endpoint. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { clouds } from '../../../src/plugin/entra/clouds.js'
import { EntraConfigurationError } from '../../../src/plugin/index.js'
import { checkRefusal } from '../../support/http.js'
import { granted, type Reply, startDownstream } from '../../support/token-endpoint.js'

const header = 'the-header-of-this-instance'
const identityId = '77777777-8888-4999-8aaa-bbbbbbbbbbbb'

/** Azure App Service's endpoint (Microsoft: "How to use managed identities for App Service", REST endpoint reference). */
const asked: URLSearchParams[] = []
const answer: { next: (count: number) => Reply } = { next: () => ({}) }
const server = createServer((request, response) => {
  const { searchParams } = new URL(String(request.url), 'http://identity.example')
  const isOwn = request.headers['x-identity-header'] === header
  if (isOwn) asked.push(searchParams)
  const { status = 200, body } = isOwn ? answer.next(asked.length) : { status: 403, body: {} }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
t.teardown(() => server.close())
process.env.IDENTITY_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}/msi/token`
process.env.IDENTITY_HEADER = header

const identityToken = (token: string, resource = 'api://AzureADTokenExchange'): Reply => ({
  body: {
    ...{ access_token: token, token_type: 'Bearer', resource, client_id: identityId },
    expires_on: Math.floor(Date.now() / 1000) + 86_400
  }
})

async function start(
  t: Test,
  managedIdentity: object,
  grant = (_form: URLSearchParams, count: number): Reply => granted(`token-${count}`)
) {
  asked.length = 0
  const made = await startDownstream(t, grant, { downstream: { managedIdentity } })
  const { ask, tenant, endpoint, logged } = await made.start()
  let callers = 0
  const call = async () => {
    callers += 1
    return ask(await tenant.userToken({ uti: `caller-${callers}` }))
  }
  const assertions = () => endpoint.forms.map((form) => form.get('client_assertion'))
  return { call, assertions, logged, endpoint }
}

t.test('the system-assigned identity: its token is the assertion, and is fetched once', async (t) => {
  answer.next = (count) => identityToken(`identity-${count}`)
  const { call, assertions, endpoint } = await start(t, {})
  t.equal((await call()).body, 'token-1')
  t.equal((await call()).body, 'token-2')
  t.same(assertions(), ['identity-1', 'identity-1'])
  t.equal(endpoint.forms[0]?.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  t.equal(asked.length, 1)
  t.same(asked[0]?.get('resource'), 'api://AzureADTokenExchange')
  t.notOk(asked[0]?.has('client_id'))
})

t.test('a user-assigned identity, with an audience of its own; a refused token is fetched anew', async (t) => {
  answer.next = (count) => identityToken(`own-${count}`, 'api://another')
  const grant = (form: URLSearchParams, count: number): Reply =>
    form.get('client_assertion') === 'own-1'
      ? { status: 401, body: { error: 'invalid_client', error_codes: [700024] } }
      : granted(`token-${count}`)
  const { call, assertions } = await start(t, { clientId: identityId, audience: 'api://another' }, grant)
  t.equal((await call()).body, 'token-2')
  t.same(assertions(), ['own-1', 'own-2'])
  t.same([asked[0]?.get('client_id'), asked[0]?.get('resource')], [identityId, 'api://another'])
})

t.test('an identity that this machine does not have is an outage, and the log says which option', async (t) => {
  answer.next = () => ({ status: 400, body: { statusCode: 400, message: 'no identity here' } })
  const { call, logged } = await start(t, { audience: 'api://missing' })
  checkRefusal(t, await call(), { status: 503, code: 'downstream_unavailable' })
  t.match(logged(), 'downstream.managedIdentity failed')
  t.notMatch(logged(), header)
})

t.test('options', async (t) => {
  const sentence = async (managedIdentity: unknown, more: object = {}) => {
    const options = { downstream: { managedIdentity }, ...more }
    const error: unknown = await startDownstream(t, () => undefined, options).catch((reason: unknown) => reason)
    t.ok(error instanceof EntraConfigurationError)
    return error instanceof Error ? error.message : ''
  }
  t.match(await sentence('system'), /^downstream.managedIdentity is not an object; give {}/)
  t.match(await sentence(null), /^downstream.managedIdentity is not an object; give {}/)
  t.match(await sentence({ client: identityId }), /^downstream.managedIdentity has no option "client"/)
  t.match(
    await sentence({ clientId: 'mine' }),
    /^downstream.managedIdentity.clientId "mine" is not allowed; give the client ID/
  )
  t.match(
    await sentence({ audience: 'with space' }),
    /^downstream.managedIdentity.audience "with space" is not allowed/
  )
  const { authority } = clouds.france
  t.match(
    await sentence({}, { authority }),
    /^downstream.managedIdentity.audience is missing; give the audience of the federated credential/
  )
})
