/** `GET /me` answers with the whole principal: a serializer drops what the schema of a response does not name. */
import t from 'tap'
import { createVerifier } from '../../src/plugin/verifier-index.js'
import { getJson, startServer } from '../support/server.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

const tenant = await startTestTenant(t)
const issuer = `${tenant.origin}/${tenantId}/v2.0`
const agents = { xms_act_fct: '3 9 11', xms_sub_fct: '2 3', xms_tnt_fct: '3 9', xms_par_app_azp: clientId }
const person = { xms_act_fct: '3 9', xms_sub_fct: '2 3', acct: 0 }
const optional = { name: 'A User', email: 'a@b.example', roles: ['Admin'], groups: [clientId] }
const act = { sub: 'b', iss: issuer, act: { sub: 'a' } }

const entra = { tenantId, clientId, authority: tenant.origin }
const oidc = { issuer, audience: clientId }
const rows = [
  { what: 'what every token has', options: entra, claims: {} },
  { what: 'an AI agent for a user', options: entra, claims: { ...optional, ...agents } },
  { what: 'a person', options: entra, claims: { ...optional, ...person } },
  { what: 'actors', options: oidc, claims: { ...optional, scp: undefined, scope: 'access_as_user', act } }
]

for (const { what, options, claims } of rows)
  t.test(`the response to /me has all of the principal: ${what}`, async (t) => {
    const env: Record<string, string> =
      'issuer' in options
        ? { OIDC_ISSUER: options.issuer, OIDC_AUDIENCE: options.audience }
        : { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: options.authority }
    const { listeningOrigin } = await startServer(t, env)
    const token = await tenant.userToken({ ...claims })
    const { status, body } = await getJson(`${listeningOrigin}/me`, token)
    t.equal(status, 200)
    const verifier = createVerifier(options)
    t.teardown(() => verifier.close())
    const principal = await verifier.verify({ scheme: 'Bearer', token })
    t.strictSame(body, JSON.parse(JSON.stringify(principal)))
  })
