/** Products that are not Microsoft's: what the server is told, who passes, and who does not. */
import { auth0, auth0Issuer } from './fixtures/auth0.js'
import { authentik, authentikClient, authentikIssuer } from './fixtures/authentik.js'
import { appClient, cognito, cognitoIssuer } from './fixtures/cognito.js'
import { google, googleIssuer, serviceAccount } from './fixtures/google.js'
import { keycloak, keycloakIssuer } from './fixtures/keycloak.js'
import { okta, oktaIssuer } from './fixtures/okta.js'
import { xsuaa, xsuaaApp, xsuaaClient, xsuaaIssuer } from './fixtures/xsuaa.js'
import { zitadel, zitadelIssuer, zitadelProject } from './fixtures/zitadel.js'
import type { Entry, Refused } from './shapes.js'

const oidc = (provider: string, issuer: string, audience: string) => ({
  OIDC_ISSUER: issuer,
  OIDC_AUDIENCE: audience,
  OIDC_PROVIDER: provider
})

/** What every one of them refuses. */
const always: Record<string, Refused> = {
  'a token of another issuer, by the same key': {
    token: 'app',
    claims: { iss: 'https://accounts.fabrikam.example' },
    code: 'wrong_issuer'
  },
  'a forged token with a key ID of the product': { token: 'app', pair: 'stranger', code: 'invalid_signature' }
}
const [orders, oktaAudience] = ['https://orders.contoso.example', 'api://default']
const auth0User = {
  ...{ kind: 'user', id: 'auth0|6553da60a54af58e29493993', issuer: auth0Issuer },
  ...{ clientId: 'K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja', scopes: ['access_as_user'], roles: ['Admin', 'read:orders'] }
}

/** The same for products whose services are users. */
const ofUsersOnly = (otherIssuer: string): Record<string, Refused> => ({
  'a token of another issuer, by the same key': { token: 'user', claims: { iss: otherIssuer }, code: 'wrong_issuer' },
  'a forged token with a key ID of the product': { token: 'user', pair: 'stranger', code: 'invalid_signature' }
})

export const oidcEntries: Readonly<Record<string, Entry>> = {
  Keycloak: {
    product: keycloak,
    env: oidc('keycloak', keycloakIssuer, 'orders-api'),
    passes: {
      'a user, with roles of the realm and of this client, save those that everybody has': {
        token: 'user',
        principal: {
          ...{
            kind: 'user',
            id: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
            issuer: keycloakIssuer,
            clientId: 'orders-spa'
          },
          ...{ scopes: ['access_as_user'], roles: ['Admin', 'approver'], groups: ['/sales'] },
          ...{ name: 'A User', email: 'user@contoso.example' }
        }
      },
      'a service account': {
        token: 'app',
        principal: {
          ...{ kind: 'app', id: 'ba56d4f8-3c24-4736-a6c5-a50276b6f6c9', clientId: 'nightly-job', scopes: [] },
          roles: ['device', 'Directory.Read.All']
        }
      }
    },
    refuses: {
      ...always,
      'an ID token, though its audience is the API': { token: 'idToken', code: 'not_an_access_token' },
      'a token without the audience mapper': { token: 'user', claims: { aud: 'account' }, code: 'wrong_audience' },
      'a token of another realm, by the same key': {
        token: 'user',
        claims: { iss: 'https://keycloak.contoso.example/realms/fabrikam' },
        code: 'wrong_issuer'
      }
    }
  },
  Auth0: {
    product: auth0,
    env: oidc('auth0', auth0Issuer, orders),
    passes: {
      "a user, in Auth0's own profile": { token: 'user', principal: auth0User },
      "a user, in RFC 9068's": { token: 'rfc9068User', principal: auth0User },
      'a machine-to-machine application': {
        token: 'app',
        principal: {
          ...{ kind: 'app', id: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients', scopes: [] },
          ...{ clientId: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx', roles: ['Directory.Read.All'] }
        }
      }
    },
    refuses: {
      ...always,
      'an ID token': { token: 'idToken', code: 'not_an_access_token' },
      'an ID token, though its audience is the API': {
        token: 'idToken',
        claims: { aud: orders },
        code: 'not_an_access_token'
      },
      'a token for another API': {
        token: 'app',
        claims: { aud: 'https://billing.contoso.example' },
        code: 'wrong_audience'
      }
    }
  },
  Okta: {
    product: okta,
    env: oidc('okta', oktaIssuer, oktaAudience),
    passes: {
      'a user': {
        token: 'user',
        principal: {
          ...{ kind: 'user', id: 'user@contoso.example', issuer: oktaIssuer, clientId: '0oa1b2c3d4e5f6g7h5d7' },
          ...{ scopes: ['access_as_user'], roles: [], groups: ['Everyone', 'Sales'] }
        }
      },
      'a service app': {
        token: 'app',
        principal: {
          ...{ kind: 'app', id: '0oa8acv8gbBPRCZ7I5d7', clientId: '0oa8acv8gbBPRCZ7I5d7', scopes: [] },
          roles: ['Directory.Read.All']
        }
      }
    },
    refuses: {
      ...always,
      'an ID token': { token: 'idToken', code: 'not_an_access_token' },
      'a token for another authorization server': {
        token: 'user',
        claims: { aud: 'api://billing' },
        code: 'wrong_audience'
      },
      'a token of the org authorization server, by the same key': {
        token: 'user',
        claims: { iss: 'https://contoso.okta.com' },
        code: 'wrong_issuer'
      }
    }
  },
  'Amazon Cognito': {
    product: cognito,
    env: oidc('cognito', cognitoIssuer, `${appClient},2rsknlteutdes2stihce3kd5mc`),
    passes: {
      'a user: groups are roles as well': {
        token: 'user',
        principal: {
          ...{ kind: 'user', id: 'c27a05a2-4ce1-4173-be51-9bbc3fe65a0a', issuer: cognitoIssuer, clientId: appClient },
          ...{ scopes: ['orders/read'], roles: ['Admin'], groups: ['Admin'] }
        }
      },
      'an app client for itself': {
        token: 'app',
        principal: {
          ...{ kind: 'app', id: '2rsknlteutdes2stihce3kd5mc', clientId: '2rsknlteutdes2stihce3kd5mc', scopes: [] },
          roles: ['orders/write']
        }
      }
    },
    refuses: {
      ...always,
      'an ID token, whose audience is the app client': { token: 'idToken', code: 'not_an_access_token' },
      'a token of another app client of the pool': {
        token: 'user',
        claims: { client_id: '617jkna9pqeg8rmgtg9uv4e6j4' },
        code: 'wrong_audience'
      },
      'a token with another audience, though the app client is right': {
        token: 'user',
        claims: { aud: 'https://billing.contoso.example' },
        code: 'wrong_audience'
      },
      'a token of neither app client nor audience': {
        token: 'user',
        claims: { client_id: undefined },
        code: 'missing_claim'
      }
    }
  },
  Google: {
    product: google,
    env: { ...oidc('google', googleIssuer, orders), ENTRA_ROLELESS_CLIENTS: serviceAccount },
    passes: {
      'a service account': {
        token: 'app',
        principal: {
          ...{ kind: 'app', id: serviceAccount, subject: serviceAccount, clientId: serviceAccount },
          ...{ issuer: googleIssuer, scopes: [], roles: [], groups: [] }
        }
      }
    },
    refuses: {
      ...always,
      "a user's ID token for a web client": { token: 'user', code: 'not_an_access_token' },
      "a user's ID token, though its audience is the API": {
        token: 'user',
        claims: { aud: orders, at_hash: undefined },
        code: 'not_an_access_token'
      },
      'a service account whose address is not verified': {
        token: 'app',
        claims: { email_verified: false },
        code: 'not_an_access_token'
      },
      'one whose address only ends like those of service accounts': {
        token: 'app',
        claims: { email: 'user@evilgserviceaccount.com' },
        code: 'not_an_access_token'
      },
      'a service account for another API': {
        token: 'app',
        claims: { aud: 'https://billing.contoso.example' },
        code: 'wrong_audience'
      },
      'a service account that is not named': {
        token: 'app',
        claims: { azp: '999999999999999999999', sub: '999999999999999999999' },
        status: 403,
        code: 'no_permissions'
      }
    }
  },
  authentik: {
    product: authentik,
    env: oidc('authentik', authentikIssuer, authentikClient),
    passes: {
      'a user, with entitlements of the application': {
        token: 'user',
        principal: {
          ...{ kind: 'user', issuer: authentikIssuer, clientId: authentikClient, scopes: [], roles: ['orders-admin'] },
          ...{ groups: ['sales'], name: 'A User', email: 'user@contoso.example' }
        }
      },
      'a service account, which is a user there': {
        token: 'service',
        principal: { kind: 'user', clientId: authentikClient, roles: ['orders-reader'] }
      }
    },
    refuses: {
      ...ofUsersOnly('https://auth.contoso.example/application/o/billing/'),
      'an ID token, though its audience is the API': { token: 'idToken', code: 'not_an_access_token' },
      'an ID token with a uid of its own': {
        token: 'idToken',
        claims: { uid: 'user', roles: ['orders-admin'] },
        code: 'not_an_access_token'
      },
      'a token for another client': {
        token: 'user',
        claims: { aud: 'another', azp: 'another' },
        code: 'wrong_audience'
      },
      'a user without entitlements, scopes and groups': {
        token: 'user',
        claims: { roles: undefined, entitlements: undefined, groups: undefined },
        status: 403,
        code: 'no_permissions'
      }
    }
  },
  Zitadel: {
    product: zitadel,
    env: oidc('zitadel', zitadelIssuer, zitadelProject),
    passes: {
      'a user, with roles of this project and not of the project of the client': {
        token: 'user',
        principal: { kind: 'user', id: '282530123456789012', scopes: [], roles: ['Admin', 'reader'], groups: [] }
      },
      'a service user, who is a user': {
        token: 'service',
        principal: { kind: 'user', id: '282530987654321098', clientId: 'nightly-job', roles: ['Directory.Read.All'] }
      }
    },
    refuses: {
      ...ofUsersOnly('https://fabrikam.zitadel.example'),
      'an ID token, though the project is in its audience': { token: 'idToken', code: 'not_an_access_token' },
      'a token for another project': { token: 'user', claims: { aud: ['1', '2'] }, code: 'wrong_audience' },
      'a user with roles of another project only': {
        token: 'user',
        claims: { [`urn:zitadel:iam:org:project:${zitadelProject}:roles`]: undefined },
        status: 403,
        code: 'no_permissions'
      }
    }
  },
  'SAP XSUAA': {
    product: xsuaa,
    env: oidc('xsuaa', xsuaaIssuer, xsuaaApp),
    passes: {
      'a user, whose authorizations are scopes': {
        token: 'user',
        principal: {
          ...{ kind: 'user', id: 'e8d7c6b5-a493-4827-9160-5f4e3d2c1b0a', clientId: 'sb-orders!t1234' },
          ...{ scopes: [`${xsuaaApp}.Read`], roles: [], groups: ['Sales'], email: 'user@contoso.example' }
        }
      },
      'a client for itself': {
        token: 'app',
        principal: { kind: 'app', id: xsuaaClient, clientId: xsuaaClient, roles: [`${xsuaaApp}.Export`], scopes: [] }
      }
    },
    refuses: {
      ...always,
      'an ID token, which is for the client': { token: 'idToken', code: 'not_an_access_token' },
      'an ID token, though its audience is the API': {
        token: 'idToken',
        claims: { aud: xsuaaApp },
        code: 'not_an_access_token'
      },
      'a token for another application': { token: 'app', claims: { aud: ['billing!t1'] }, code: 'wrong_audience' },
      'a client without authorities': {
        token: 'app',
        claims: { scope: ['uaa.resource'] },
        status: 403,
        code: 'no_permissions'
      }
    }
  }
}
