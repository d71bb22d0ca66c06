/** What `explain` says to change: by the settings of this API, whichever provider it trusts. */
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../../src/plugin/command/run.js'
import { type Overrides, sign, signingKey, tenantId } from '../../support/tenant.js'
import { entra } from './mistakes.js'

const key = await signingKey('key-1')
const auth0 = { OIDC_ISSUER: 'https://contoso.eu.auth0.com/', OIDC_AUDIENCE: 'orders', OIDC_PROVIDER: 'auth0' }
const entry = (tenantId: string) => ({ tenantId, clientId: entra.ENTRA_CLIENT_ID })
const tenant = (digit: number) => `${digit}0000000-0000-4000-8000-000000000000`

/** The first line. */
async function changeFor(claims: Overrides, env: Record<string, string>, header: Overrides = {}): Promise<string> {
  const { out, err } = await run(['explain'], env, async () => sign(claims, header, key))
  t.equal(err, '')
  return out.split('\n')[0]?.replace('A request with this token gets ', '') ?? ''
}

t.test('a token of an issuer that is not trusted: where to sign in, and the setting', async (t) => {
  const foreign = { iss: 'https://evil.example/', sub: 'x', aud: 'orders' }
  const files = t.testdir({
    'two.json': JSON.stringify([entry(tenantId), { issuer: 'https://id.example', audience: 'orders' }]),
    'five.json': JSON.stringify([1, 2, 3, 4, 5].map((digit) => entry(tenant(digit))))
  })
  const variables = 'ENTRA_TENANT_ID, ENTRA_CLOUD and ENTRA_AUTHORITY'
  const rows: [env: Record<string, string>, place: string, settings: string][] = [
    [entra, `https://login.microsoftonline.com/${tenantId} (MSAL: authority)`, variables],
    [
      { ...entra, ENTRA_CLOUD: 'usgovernment' },
      `https://login.microsoftonline.us/${tenantId} (MSAL: authority)`,
      variables
    ],
    [
      { ...entra, ENTRA_TENANT_ID: 'organizations', ENTRA_ALLOWED_TENANTS: tenantId },
      'https://login.microsoftonline.com/organizations (MSAL: authority)',
      variables
    ],
    [
      { ...entra, ENTRA_TENANT_ID: 'contoso.example', ENTRA_AUTHORITY: 'https://contoso.ciamlogin.com' },
      'https://contoso.ciamlogin.com/contoso.example (MSAL: authority)',
      variables
    ],
    [auth0, auth0.OIDC_ISSUER, 'OIDC_ISSUER'],
    [
      { ISSUERS_FILE: join(files, 'two.json') },
      `https://login.microsoftonline.com/${tenantId} (MSAL: authority) or https://id.example`,
      'the entries of ISSUERS_FILE'
    ],
    [
      { ISSUERS_FILE: join(files, 'five.json') },
      [
        ...[1, 2, 3, 4].map((digit) => `https://login.microsoftonline.com/${tenant(digit)} (MSAL: authority)`),
        'others'
      ].join(' or '),
      'the entries of ISSUERS_FILE'
    ]
  ]
  for (const [env, place, settings] of rows) {
    const change = await changeFor(foreign, env)
    t.equal(
      change,
      `401 wrong_issuer. Client: sign in at ${place}. Operator: compare ${settings} with the issuer (iss) below.`
    )
    t.notMatch(change, 'evil', 'nothing that the token claims')
  }
  t.match(await changeFor({ ...foreign, iss: 5 }, auth0), /^401 wrong_issuer\. .* OIDC_ISSUER /)
})

t.test('another provider: nothing that only Entra has', async (t) => {
  const good = { iss: auth0.OIDC_ISSUER, aud: 'orders', sub: 'auth0|1', azp: 'spa', scope: 'read', exp: 9_999_999_999 }
  const rows: [claims: Overrides, change: RegExp][] = [
    [{ ...good, aud: 'invoices' }, /^401 wrong_audience\. .*Auth0: audience.* compare OIDC_AUDIENCE with /],
    [{ ...good, scope: undefined, permissions: [] }, /^403 no_permissions\. .* OIDC_ROLES_CLAIM /]
  ]
  for (const [claims, change] of rows) {
    const said = await changeFor({ iat: Math.floor(Date.now() / 1000), ...claims }, auth0)
    t.match(said, change)
    t.notMatch(said, /api:\/\/|Microsoft|ENTRA_|manifest|registration/)
  }
  const clients = { ...auth0, ENTRA_ALLOWED_CLIENTS: 'other' }
  t.match(await changeFor(good, clients), /^403 client_not_allowed\. .* ENTRA_ALLOWED_CLIENTS /)
})

t.test('several issuers: as of the one that the token names', async (t) => {
  const entries = [entry(tenantId), { issuer: auth0.OIDC_ISSUER, audience: 'orders' }]
  const ISSUERS_FILE = join(t.testdir({ 'issuers.json': JSON.stringify(entries) }), 'issuers.json')
  const claims = { aud: 'invoices', sub: 'auth0|1', azp: 'spa', scope: 'read', iat: 1, nbf: 1, exp: 9_999_999_999 }
  const wanted = 'compare clientId and audience of the entry in ISSUERS_FILE with '
  const other = await changeFor({ ...claims, iss: auth0.OIDC_ISSUER }, { ISSUERS_FILE })
  t.match(other, `${wanted}the API (aud) below`)
  const iss = `https://login.microsoftonline.com/${tenantId}/v2.0`
  const own = await changeFor({ ...claims, iss, tid: tenantId, ver: '2.0', oid: 'o' }, { ISSUERS_FILE })
  t.match(own, 'api://<client ID>/<scope>')
  t.match(own, `${wanted}the API's registration`)
})
