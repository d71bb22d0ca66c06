/** Audiences that everybody's tokens have stop the start, in any spelling and wherever they are configured. */
import t from 'tap'
import { EntraConfigurationError } from '../../src/plugin/lib/configuration-error.js'
import { type EntraOptions, toSettings } from '../../src/plugin/options.js'

const tenantId = '11111111-2222-4333-8444-555555555555'
const clientId = '66666666-7777-4888-8999-aaaaaaaaaaaa'
const issuer = 'https://id.example'

/** The sentence that stops the start, or that it starts. */
function said(options: object): string {
  try {
    toSettings(options as EntraOptions)
    return 'starts'
  } catch (error) {
    return error instanceof EntraConfigurationError ? error.message : `another error: ${error}`
  }
}

const microsoft: Record<string, readonly string[]> = {
  'Microsoft Graph': [
    ...['00000003-0000-0000-c000-000000000000', 'https://graph.microsoft.com', 'https://graph.microsoft.us'],
    ...['https://dod-graph.microsoft.us', 'https://microsoftgraph.chinacloudapi.cn', 'https://graph.svc.sovcloud.fr'],
    ...['https://graph.svc.sovcloud.de', 'https://graph.svc.sovcloud.sg', 'https://graph.microsoft.de']
  ],
  'Azure AD Graph': [
    '00000002-0000-0000-c000-000000000000',
    'https://graph.windows.net',
    'https://graph.chinacloudapi.cn'
  ],
  'Azure Resource Manager': [
    ...['797f4846-ba00-4fd7-ba43-dac1f8f63013', 'https://management.azure.com', 'https://management.core.windows.net'],
    ...['https://management.usgovcloudapi.net', 'https://management.core.usgovcloudapi.net'],
    ...['https://management.chinacloudapi.cn', 'https://management.core.chinacloudapi.cn'],
    ...['https://management.sovcloud-api.fr', 'https://management.core.sovcloud-api.de']
  ],
  'Azure Key Vault': ['cfa8b339-82a2-471a-a3c9-0fc0be7a4093', 'https://vault.azure.net', 'https://vault.azure.cn'],
  'Azure DevOps': ['499b84ac-1321-427f-aa17-267ca6975798'],
  'Exchange Online': ['00000002-0000-0ff1-ce00-000000000000', 'https://outlook.office365.com'],
  "Entra's token exchange": ['fb60f99c-7a34-4190-8149-302f77469936', 'api://AzureADTokenExchange']
}

t.test('APIs of Microsoft’s, of every cloud, as the audience', async (t) => {
  for (const [name, audiences] of Object.entries(microsoft)) {
    for (const audience of audiences) {
      const id = audience.includes('://') ? [] : [`api://${audience}`, `api://${audience}/`]
      for (const spelling of [audience, `${audience}/`, `${audience}//`, audience.toUpperCase(), ...id]) {
        const is = `audience "${spelling}" belongs to ${name}, so tokens for other APIs carry it; give one that names this API alone`
        t.equal(said({ tenantId, clientId, audience: spelling }), is)
        t.equal(said({ tenantId, clientId, audience: [clientId, spelling] }), is, 'as one of several')
        t.equal(said({ issuer, audience: spelling }), is, 'of another provider')
        t.equal(
          said({
            tenants: [
              { issuer, audience: 'orders' },
              { tenantId, clientId, audience: spelling }
            ]
          }),
          is
        )
        t.equal(
          said({
            tenants: [
              { tenantId, clientId },
              { issuer, audience: spelling }
            ]
          }),
          is
        )
      }
    }
  }
})

t.test('APIs of Microsoft’s as the API’s own client ID', async (t) => {
  for (const id of ['00000003-0000-0000-c000-000000000000', '797F4846-BA00-4FD7-BA43-DAC1F8F63013']) {
    const is = new RegExp(`^clientId "${id.toLowerCase()}" belongs to .+; give `)
    t.match(said({ tenantId, clientId: id }), is)
    t.match(said({ tenantId, clientId: id, audience: 'api://orders' }), is, 'also where another audience is given')
  }
})

const keycloak = 'https://id.example/realms/shop'
const auth0 = 'https://shop.eu.auth0.com/'

const others: [options: object, is: RegExp | string][] = [
  [
    { issuer: keycloak, audience: 'account', provider: 'keycloak' },
    /^audience "account" belongs to Keycloak’s account console/
  ],
  [{ issuer: keycloak, audience: 'account' }, /^audience "account"/],
  [{ issuer, audience: ['orders', 'Account'] }, /^audience "Account"/],
  [{ tenants: [{ issuer: keycloak, audience: 'account' }] }, /^audience "account"/],
  ...['account-console', 'broker', 'realm-management', 'security-admin-console', 'admin-cli'].flatMap(
    (audience): [object, RegExp | string][] => [
      [{ issuer: keycloak, audience }, /belongs to a client that every realm has/],
      [{ issuer, audience, provider: 'keycloak' }, /belongs to a client that every realm has/],
      [{ issuer, audience }, 'starts']
    ]
  ),
  [{ issuer: auth0, audience: `${auth0}userinfo` }, /belongs to the issuer itself/],
  [{ issuer: auth0, audience: `${auth0}api/v2/` }, /belongs to the issuer itself/],
  [{ issuer: auth0, audience: `${auth0}me/`, provider: 'auth0' }, /belongs to the issuer itself/],
  [{ issuer, audience: `${auth0}api/v2/` }, /belongs to the issuer itself/],
  [{ issuer: `${issuer}/`, audience: `${issuer}/UserInfo` }, /belongs to the issuer itself/],
  [{ issuer, audience: `${issuer}/resources` }, /belongs to the issuer itself/],
  [{ issuer, audience: 'https://kubernetes.default.svc' }, /belongs to Kubernetes/],
  [{ issuer, audience: 'sts.amazonaws.com' }, /belongs to AWS STS/],

  [{ issuer: keycloak, audience: 'accounts' }, 'starts'],
  [{ issuer: auth0, audience: 'https://orders.example/api/v2/' }, 'starts'],
  [{ issuer: 'https://shop.okta.com/oauth2/default', audience: 'api://default', provider: 'okta' }, 'starts'],
  [{ issuer, audience: 'https://graph.microsoft.com.example' }, 'starts'],
  [{ tenantId, clientId }, 'starts'],
  [{ tenantId, clientId, audience: 'https://graph.microsoft.example' }, 'starts']
]

t.test('what other issuers put into everybody’s tokens, and what only looks like it', async (t) => {
  for (const [options, is] of others) t.match(said(options), is, JSON.stringify(options))
})
