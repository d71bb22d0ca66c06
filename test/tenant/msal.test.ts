/** Microsoft's own library over https: what it sends just works, and what it is refused it understands. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { clientId, guid, start } from './helpers.js'

/** What a process of its own prints, which trusts the tenant's authority. */
async function results(t: Test) {
  const certificate = await generate([{ name: 'commonName', value: 'daemon' }], { keySize: 2048, algorithm: 'sha256' })
  const tenant = await start(t, { tls: true })
  const daemon = clientId(tenant, 'daemon')
  // As an administrator does, while the tenant runs.
  const register = `const { request } = require('node:https')
    request(process.argv[1], { method: 'POST', headers: { 'content-type': 'text/plain' } }, (r) => console.log(r.statusCode))
      .end(process.env.CERTIFICATE)`
  const env = {
    ...process.env,
    TENANT: tenant.origin,
    CERTIFICATE: certificate.cert,
    KEY: certificate.private,
    NODE_EXTRA_CA_CERTS: join(t.testdir({ 'ca.pem': String(tenant.ca) }), 'ca.pem')
  }
  const url = `${tenant.origin}/_control/certificate?clientId=${daemon}`
  t.match(await promisify(execFile)(process.execPath, ['-e', register, url], { env }), { stdout: '200' })
  const args = [...process.execArgv, 'test/tenant/msal/client.ts']
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return { tenant, got: JSON.parse(stdout) }
}

t.test('MSAL for Node', async (t) => {
  const { tenant, got } = await results(t)
  const { tenantId, description } = tenant
  const audience = description.api.clientId
  const app = { aud: audience, idtyp: 'app', tid: tenantId, roles: ['Directory.Read.All'], xms_cc: ['cp1'] }
  t.match(got.secret, [
    { fromCache: false, claims: { ...app, azpacr: '1' } },
    { fromCache: true, claims: app }
  ])
  t.match(got.sha256, { claims: { ...app, azpacr: '2' } }, 'x5t#S256')
  t.match(got.sha1, { claims: { ...app, azpacr: '2' } }, 'x5t')
  t.match(got.otherCertificate, { errorCode: 'invalid_client', errorMessage: /AADSTS700027: / })

  const user = { aud: audience, tid: tenantId, scp: 'access_as_user', xms_cc: ['cp1'] }
  const { first, refreshed, challenged, steppedUp, homeAccountId } = got.code
  t.match(first, { username: 'user@contoso.example', claims: { ...user, oid: guid } })
  t.equal(homeAccountId, `${first.claims.oid}.${tenantId}`)
  t.match(refreshed, { fromCache: false, claims: user })
  t.not(refreshed.claims.uti, first.claims.uti)
  t.match(challenged, { errorCode: 'interaction_required', interaction: true, claims: /"c1"/ })
  t.match(steppedUp, { claims: { ...user, acrs: ['c1'] } })

  t.match(got.device, { username: 'user@contoso.example', claims: { ...user, azp: clientId(tenant, 'terminal') } })
  t.match(got.device.messages, [/^To sign in, open https:\S+ in a browser and enter the code [A-Z]{9}\.$/, '1'])

  const forGraph = { aud: 'https://graph.microsoft.com', azp: audience, azpacr: '1', oid: first.claims.oid }
  t.match(got.obo.first, {
    fromCache: false,
    username: 'user@contoso.example',
    claims: { ...forGraph, scp: 'User.Read' }
  })
  t.match(got.obo.again, { fromCache: true })
  t.match(got.obo.me, { id: first.claims.oid, userPrincipalName: 'user@contoso.example' })
  t.match(got.obo.noConsent, {
    errorCode: 'invalid_grant',
    subError: 'consent_required',
    errorMessage: /AADSTS65001: /
  })
  t.match(got.obo.interaction, { errorCode: 'interaction_required', interaction: true, claims: /"c1"/ })
  t.match(got.obo.satisfied, { claims: { ...forGraph, scp: 'Directory.Read.All' } })
})
