/** Which client is whose, and what it needs. */
import t from 'tap'
import { systemClock } from '../../src/plugin/clock.js'
import { downstreamOf } from '../../src/plugin/downstream-options.js'
import { Downstreams, loadClientPackage } from '../../src/plugin/downstreams.js'
import type { Issuer, IssuerSettings } from '../../src/plugin/issuers.js'
import { TrustedIssuers } from '../../src/plugin/trusted-issuers.js'
import { recordingLogger } from '../support/log.js'
import { clientId, tenantId } from '../support/tenant.js'

const surroundings = {
  exchangeJson: () => Promise.reject(new Error('nobody is there')),
  clock: systemClock,
  log: recordingLogger(),
  timeoutSeconds: 5
}
const client = {
  ...{ clientId, tenantId, authority: 'http://127.0.0.1:9', graphUrl: 'https://graph.microsoft.com' },
  ...downstreamOf({ clientSecret: 'a secret' })
}
const issuersWith = (settings: object) => new TrustedIssuers([{ settings } as Issuer])
const notFound = () => {
  throw new Error('Cannot find package')
}

t.test('a credential needs the package that uses it; without one nobody looks for it', async (t) => {
  await t.rejects(loadClientPackage([{}, { client }] as IssuerSettings[], notFound), {
    name: 'EntraConfigurationError',
    message: 'downstream needs the package @azure/msal-node; install it beside fastify-entra'
  })
  await loadClientPackage([{ client }] as IssuerSettings[])
  await loadClientPackage([{}] as IssuerSettings[], notFound)
  t.notOk(new Downstreams(issuersWith({}), surroundings).any)
})

t.test('a tenant that cannot be reached is an outage, and a bug is none', async (t) => {
  const downstreams = new Downstreams(issuersWith({ client }), surroundings)
  const { downstream } = downstreams.forTenant(tenantId)
  await t.rejects(downstream.tokenForApp(tenantId, 'a/.default'), { name: 'DownstreamError', statusCode: 503 })
  const broken = { ...client, credential: { clientSecret: '' } } // no check of options lets it come this far
  const { downstream: without } = new Downstreams(issuersWith({ client: broken }), surroundings).forTenant(tenantId)
  await t.rejects(without.tokenForApp(tenantId, 'a/.default'), {
    name: 'ClientAuthError',
    errorCode: 'invalid_client_credential'
  })
})
