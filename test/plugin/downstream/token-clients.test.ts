/** Which client is whose, and what it needs. */
import t from 'tap'
import { downstreamOf } from '../../../src/plugin/downstream/options.js'
import { loadClientPackage, TokenClients } from '../../../src/plugin/downstream/token-clients.js'
import type { Issuer, IssuerSettings } from '../../../src/plugin/issuers/issuer.js'
import { TrustedIssuers } from '../../../src/plugin/issuers/trusted-issuers.js'
import { systemClock } from '../../../src/plugin/lib/clock.js'
import { until } from '../../faults/waits.js'
import { FakeClock, settle } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'
import { clientId, tenantId } from '../../support/tenant.js'

const dependencies = {
  exchangeJson: () => Promise.reject(new Error('nobody is there')),
  clock: systemClock,
  log: recordingLogger(),
  timeoutSeconds: 5
}
const client = {
  ...{ clientId, tenantId, isMany: false, authority: 'http://127.0.0.1:9', graphUrl: 'https://graph.microsoft.com' },
  ...downstreamOf({ clientSecret: 'a secret' })
}
const settings = { profile: {} } as IssuerSettings
const issuers = new TrustedIssuers([{ settings } as Issuer])
const clients = new Map([[settings, client]])
const none: typeof clients = new Map()
const notFound = (name: string) => async () => {
  throw Object.assign(new Error(`Cannot find package '${name}' imported from /app/@azure/msal-node/index.js`), {
    code: 'ERR_MODULE_NOT_FOUND'
  })
}

t.test('a credential needs the package that uses it; without one nobody looks for it', async (t) => {
  await t.rejects(loadClientPackage(clients, notFound('@azure/msal-node')), {
    name: 'EntraConfigurationError',
    message: 'downstream needs the package @azure/msal-node; install it beside fastify-entra'
  })
  await loadClientPackage(clients)
  await loadClientPackage(none, notFound('@azure/msal-node'))
  const own = "Cannot find package '@azure/msal-common' imported from /app/@azure/msal-node/index.js"
  await t.rejects(loadClientPackage(clients, notFound('@azure/msal-common')), { message: own }, 'another is missing')
  const broken = async () => {
    throw null
  }
  t.equal(await loadClientPackage(clients, broken).catch((error) => error), null, 'what it throws')
  t.notOk(new TokenClients(issuers, none, dependencies).any)
})

t.test('instead of a refused token: both fetches within one deadline', async (t) => {
  const clock = new FakeClock()
  let asked = 0
  const exchangeJson = async () => {
    asked += 1
    if (asked > 1) return new Promise<never>(() => {})
    await new Promise<void>((resolve) => clock.after(4000, resolve))
    return { status: 200, headers: {}, body: { token_type: 'Bearer', access_token: 'refused', expires_in: 3600 } }
  }
  const downstreams = new TokenClients(issuers, clients, { ...dependencies, exchangeJson, clock })
  const { downstream } = downstreams.forTenant(tenantId)
  const late = t.rejects(downstream.tokenForApp(tenantId, 'a/.default', 'refused'), {
    name: 'DownstreamError',
    statusCode: 503
  })
  await until('the first request', () => asked === 1)
  await clock.advance(4000)
  await until('the second request', () => asked === 2)
  await clock.advance(999)
  let isOver = false
  void late.then(() => {
    isOver = true
  })
  await settle()
  t.notOk(isOver, 'just in time')
  await clock.advance(1)
  await late
})

t.test('a tenant that cannot be reached is an outage, and a bug is none', async (t) => {
  const downstreams = new TokenClients(issuers, clients, dependencies)
  const { downstream } = downstreams.forTenant(tenantId)
  await t.rejects(downstream.tokenForApp(tenantId, 'a/.default'), { name: 'DownstreamError', statusCode: 503 })
  const initial = [{ clientSecret: '' }] as const
  const credential = { name: 'downstream.clientSecret', initial, load: undefined, seconds: 0 }
  const broken = { ...client, credential } // no check of options lets it come this far
  const { downstream: without } = new TokenClients(issuers, new Map([[settings, broken]]), dependencies).forTenant(
    tenantId
  )
  await t.rejects(without.tokenForApp(tenantId, 'a/.default'), {
    name: 'ClientAuthError',
    errorCode: 'invalid_client_credential'
  })
})
