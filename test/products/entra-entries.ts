/** Microsoft's products: what the server is told, who passes, and who does not. */
import { compatibility, severalFlows, userFlow } from './fixtures/b2c.js'
import { china, france, germany, singapore, usGovernment } from './fixtures/clouds.js'
import { common, customKeys, organizations, singleTenant } from './fixtures/entra.js'
import { customDomain, externalIssuer, subdomain } from './fixtures/external-id.js'
import {
  apiId,
  clientId,
  externalApiId,
  kids,
  otherTenantId,
  personalTenantId,
  serviceId,
  servicePrincipalId,
  strangeTenantId,
  subject,
  tenantId,
  userId
} from './names.js'
import type { Entry, Json, Passes, Product, Refused } from './shapes.js'

const env = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: apiId }
const login = 'https://login.microsoftonline.com'
const [v2, v1] = [`${login}/${tenantId}/v2.0`, `https://sts.windows.net/${tenantId}/`]

/** The parent application of the fixtures' agents. */
const parentClientId = '30cf4c22-9985-4ef7-8756-91cc888176bd'

const ofUser = (issuer: string): Json => ({
  ...{ kind: 'user', id: userId, subject, issuer, tenantId, clientId },
  ...{ scopes: ['access_as_user', 'Orders.Read'], roles: ['Admin'], groups: [], name: 'A User', isGuest: false }
})
const ofApp = (issuer: string): Json => ({
  ...{ kind: 'app', id: servicePrincipalId, subject: servicePrincipalId, issuer, tenantId, clientId: serviceId },
  ...{ scopes: [], roles: ['Directory.Read.All'], groups: [] }
})

function passesOf({ tokens }: Product, v2: string, v1: string): Record<string, Passes> {
  return {
    'a user': { token: 'user', principal: ofUser(v2) },
    'a service': { token: 'app', principal: ofApp(v2) },
    ...(tokens.v1User && { 'a user, v1': { token: 'v1User', principal: ofUser(v1) } }),
    ...(tokens.v1App && { 'a service, v1': { token: 'v1App', principal: ofApp(v1) } })
  }
}

/** What every one of them refuses. */
const always: Record<string, Refused> = {
  'an ID token, though its audience is the API': { token: 'idToken', code: 'not_an_access_token' },
  'a token for Microsoft Graph': {
    token: 'user',
    claims: { aud: '00000003-0000-0000-c000-000000000000' },
    code: 'wrong_audience'
  },
  'a token for another API of the tenant': { token: 'app', claims: { aud: serviceId }, code: 'wrong_audience' },
  'a forged token with a key ID of the tenant': { token: 'user', pair: 'stranger', code: 'invalid_signature' },
  'a token with a key that is not published': {
    token: 'user',
    pair: 'stranger',
    header: { kid: 'zY9xW8vU7tS6rQ5pO4nM3lK2jI1' },
    code: 'unknown_key'
  }
}

/** A key of the US Government's cloud, as the public one publishes it: under the public one's issuer. */
const byGovernment: Record<string, Refused> = {
  "a token by a key of another cloud's, which is published here as well": {
    token: 'user',
    pair: 'otherCloud',
    header: { kid: kids.otherCloud },
    code: 'unknown_key'
  }
}

/** A tenant of the same host, which signs with the same keys as this one. */
const neighbour = (host: string): Refused => ({
  token: 'user',
  claims: { iss: `https://${host}/${otherTenantId}/v2.0`, tid: otherTenantId },
  code: 'wrong_issuer'
})

function cloudEntry(product: Product, cloud: string, host: string, v1Origin: string): Entry {
  return {
    product,
    env: { ...env, ENTRA_CLOUD: cloud },
    passes: passesOf(product, `https://${host}/${tenantId}/v2.0`, `${v1Origin}/${tenantId}/`),
    refuses: {
      ...always,
      'a token of another tenant': neighbour(host),
      'a token of this tenant ID in the public cloud': { token: 'user', claims: { iss: v2 }, code: 'wrong_issuer' }
    }
  }
}

function externalEntry(product: Product, authority: string): Entry {
  return {
    product,
    env: { ...env, ENTRA_AUTHORITY: authority },
    passes: passesOf(product, externalIssuer, ''),
    refuses: {
      ...always,
      'a token of another external tenant': {
        token: 'user',
        claims: { iss: `https://${otherTenantId}.ciamlogin.com/${otherTenantId}/v2.0`, tid: otherTenantId },
        code: 'wrong_issuer'
      },
      'a token whose issuer is the host of the sign-in, which no document names': {
        token: 'user',
        claims: { iss: `${authority}/${tenantId}/v2.0` },
        code: 'wrong_issuer'
      },
      'a token of the workforce authority': { token: 'user', claims: { iss: v2 }, code: 'wrong_issuer' }
    }
  }
}

/** Claims of a token of another of the tenants that one issuer stands for. */
const of = (tid: string): Json => ({ tid, iss: `${login}/${tid}/v2.0` })

const b2cIssuer = `https://contoso.b2clogin.com/${tenantId}/v2.0/`
const b2cService: Json = {
  ...{ kind: 'app', id: servicePrincipalId, issuer: b2cIssuer, tenantId, clientId: serviceId },
  ...{ scopes: [], roles: ['Directory.Read.All'], groups: [] }
}
const b2cTenant = { tenantId, clientId: apiId, authority: 'https://contoso.b2clogin.com', userFlow: 'B2C_1_signin' }
const externalTenant = { tenantId, clientId: externalApiId, authority: 'https://contoso.ciamlogin.com' }

export const entraEntries: Readonly<Record<string, Entry>> = {
  'Entra ID, one tenant': {
    product: singleTenant,
    env,
    passes: {
      ...passesOf(singleTenant, v2, v1),
      'an agent for a user': {
        token: 'agentForUser',
        principal: {
          ...{ kind: 'user', id: userId, clientId, scopes: ['access_as_user'], clientAuth: 'certificate' },
          isAgent: true,
          agent: {
            ...{ flow: 'onBehalfOf', actorFacets: ['3', '9', '11'], subjectFacets: ['2', '3'] },
            ...{ tenantFacets: [], parentClientId }
          }
        }
      },
      'an agent for itself': {
        token: 'agentAlone',
        principal: {
          ...{ kind: 'app', id: servicePrincipalId, clientId, scopes: [], roles: ['Directory.Read.All'] },
          isAgent: true,
          agent: {
            ...{ flow: 'autonomous', actorFacets: ['3', '9', '11'], subjectFacets: ['9', '3', '11'] },
            ...{ tenantFacets: [], parentClientId }
          }
        }
      },
      "an agent by its own user's account": {
        token: 'agentAsUser',
        principal: {
          ...{ kind: 'user', id: userId, clientId, scopes: ['access_as_user'] },
          isAgent: true,
          agent: {
            ...{ flow: 'agentUser', actorFacets: ['11', '9', '3'], subjectFacets: ['13', '3'] },
            ...{ tenantFacets: [], parentClientId }
          }
        }
      },
      'a user, v1, by the second default Application ID URI': {
        token: 'v1User',
        claims: { aud: `api://${tenantId}/${apiId}` },
        principal: ofUser(v1)
      },
      'a guest, whose own directory authenticated the user': {
        token: 'user',
        claims: { acct: 1, idp: `https://sts.windows.net/${otherTenantId}/` },
        principal: { kind: 'user', id: userId, tenantId, isGuest: true }
      }
    },
    refuses: {
      ...always,
      ...byGovernment,
      'a token of another tenant': neighbour('login.microsoftonline.com'),
      'a v1 token for the API in another tenant, by its default Application ID URI': {
        token: 'v1User',
        claims: { aud: `api://${otherTenantId}/${apiId}` },
        code: 'wrong_audience'
      },
      'a v1 token for another API of this tenant, by its default Application ID URI': {
        token: 'v1User',
        claims: { aud: `api://${tenantId}/${serviceId}` },
        code: 'wrong_audience'
      }
    }
  },
  'Entra ID, many tenants: organizations': {
    product: organizations,
    env: { ...env, ENTRA_TENANT_ID: 'organizations', ENTRA_ALLOWED_TENANTS: `${tenantId},${otherTenantId}` },
    passes: {
      ...passesOf(organizations, v2, v1),
      'a user of the other tenant of the list': {
        token: 'user',
        claims: of(otherTenantId),
        principal: { kind: 'user', id: userId, tenantId: otherTenantId, issuer: `${login}/${otherTenantId}/v2.0` }
      }
    },
    refuses: {
      ...always,
      ...byGovernment,
      'a user of a tenant that is not in the list': {
        token: 'user',
        claims: of(strangeTenantId),
        code: 'wrong_tenant'
      },
      'a tenant of the list in tid, and another in iss': {
        token: 'user',
        claims: { ...of(strangeTenantId), tid: tenantId },
        code: 'wrong_tenant'
      },
      'the literal template as issuer': {
        token: 'user',
        claims: { iss: `${login}/{tenantid}/v2.0` },
        code: 'wrong_issuer'
      }
    }
  },
  'Entra ID, many tenants: common': {
    product: common,
    env: { ...env, ENTRA_TENANT_ID: 'common', ENTRA_ALLOWED_TENANTS: tenantId },
    passes: passesOf(common, v2, v1),
    refuses: {
      ...always,
      'a personal account': { token: 'personal', pair: 'beside', code: 'wrong_tenant' },
      'a token of the tenant by the key of personal accounts': {
        token: 'user',
        pair: 'beside',
        header: { kid: kids.beside },
        code: 'wrong_key_issuer'
      },
      'a token of personal accounts by the key of tenants': {
        token: 'user',
        claims: of(personalTenantId),
        code: 'wrong_tenant'
      }
    }
  },
  'Entra ID, US Government': cloudEntry(
    usGovernment,
    'usgovernment',
    'login.microsoftonline.us',
    'https://sts.windows.net'
  ),
  'Entra ID, China (21Vianet)': cloudEntry(
    china,
    'china',
    'login.partner.microsoftonline.cn',
    'https://sts.chinacloudapi.cn'
  ),
  'Entra ID, sovereign cloud of France': cloudEntry(france, 'france', 'login.sovcloud-identity.fr', ''),
  'Entra ID, sovereign cloud of Germany': cloudEntry(germany, 'germany', 'login.sovcloud-identity.de', ''),
  'Entra ID, sovereign cloud of Singapore': cloudEntry(singapore, 'singapore', 'login.sovcloud-identity.sg', ''),
  'Entra External ID, subdomain': externalEntry(subdomain, 'https://contoso.ciamlogin.com'),
  'Entra External ID, custom domain': externalEntry(customDomain, 'https://login.contoso.example'),
  'Azure AD B2C, user flow': {
    product: userFlow,
    env: { ...env, ENTRA_AUTHORITY: 'https://contoso.b2clogin.com', ENTRA_USER_FLOW: 'B2C_1_signin' },
    passes: {
      'a customer': {
        token: 'user',
        principal: {
          ...{ kind: 'user', id: userId, subject: userId, tenantId, clientId, name: 'A Customer' },
          ...{ issuer: `https://contoso.b2clogin.com/${tenantId}/v2.0/`, scopes: ['access_as_user', 'read'] },
          email: 'customer@contoso.example'
        }
      },
      'a service by client credentials, with the claims that are published of it': {
        token: 'app',
        principal: b2cService
      },
      'a customer, with tid and acr as a tenant may have it, in another case': {
        token: 'user',
        claims: { tfp: undefined, acr: 'b2c_1_signin', tid: tenantId },
        principal: { kind: 'user', id: userId, tenantId }
      }
    },
    refuses: {
      'an ID token, though its audience is the API': { token: 'idToken', code: 'not_an_access_token' },
      'a token of another user flow': { token: 'user', claims: { tfp: 'B2C_1_edit' }, code: 'wrong_user_flow' },
      'a token that names no user flow, of a person': {
        token: 'user',
        claims: { tfp: undefined },
        code: 'wrong_user_flow'
      },
      'a service, with another claim than those that are published of it': {
        token: 'app',
        claims: { name: 'A Customer' },
        code: 'wrong_user_flow'
      },
      'a token for which the client ID was the scope': {
        token: 'user',
        claims: { azp: apiId, scp: undefined },
        status: 403,
        code: 'no_permissions'
      },
      'a token whose tid is another than that of its issuer': {
        token: 'user',
        claims: { tid: otherTenantId },
        code: 'wrong_tenant'
      },
      'a token for another API': { token: 'user', claims: { aud: serviceId }, code: 'wrong_audience' },
      'a token of another tenant, whose key is the same in B2C': {
        token: 'user',
        claims: { iss: `https://fabrikam.b2clogin.com/${otherTenantId}/v2.0/` },
        code: 'wrong_issuer'
      },
      'a forged token': { token: 'user', pair: 'stranger', code: 'invalid_signature' }
    }
  },
  'Azure AD B2C, several user flows': {
    product: severalFlows,
    env: {
      ...env,
      ENTRA_AUTHORITY: 'https://contoso.b2clogin.com',
      ENTRA_USER_FLOW: 'B2C_1_signin,B2C_1A_ProfileEdit'
    },
    passes: {
      'a customer who signed in': {
        token: 'user',
        principal: { kind: 'user', id: userId, tenantId, issuer: b2cIssuer }
      },
      'a customer of the custom policy': {
        token: 'edited',
        pair: 'beside',
        principal: { kind: 'user', id: userId, tenantId, scopes: ['access_as_user'] }
      },
      'a service by client credentials': { token: 'app', principal: b2cService }
    },
    refuses: {
      'a token of a user flow that is not in the list': {
        token: 'user',
        claims: { tfp: 'B2C_1_reset' },
        code: 'wrong_user_flow'
      },
      'a token of one by the key of the other': {
        token: 'user',
        pair: 'beside',
        header: { kid: 'ownKey-5tY7uI9oP1aS3dF5gH7jK9lZ' },
        code: 'unknown_key'
      },
      'a token of the custom policy that leaves its name out, and looks like a service': {
        token: 'app',
        pair: 'beside',
        header: { kid: 'ownKey-5tY7uI9oP1aS3dF5gH7jK9lZ' },
        code: 'unknown_key'
      },
      'a token for another API': {
        token: 'edited',
        pair: 'beside',
        claims: { aud: serviceId },
        code: 'wrong_audience'
      },
      'an ID token': { token: 'idToken', code: 'not_an_access_token' }
    }
  },
  'Azure AD B2C and External ID in one tenant': {
    product: compatibility,
    env: {
      ...env,
      ENTRA_AUTHORITY: 'https://contoso.b2clogin.com',
      ENTRA_USER_FLOW: 'B2C_1_signin',
      PRODUCT_TENANTS: JSON.stringify([b2cTenant, externalTenant])
    },
    passes: {
      'a customer of Azure AD B2C': {
        token: 'b2cUser',
        principal: { kind: 'user', id: userId, tenantId, issuer: b2cIssuer, subject: userId }
      },
      'the same customer of External ID: the same id and tenant, another issuer and subject': {
        token: 'externalUser',
        principal: { kind: 'user', id: userId, tenantId, issuer: externalIssuer, subject }
      }
    },
    refuses: {
      'a token of Azure AD B2C for the registration of External ID': {
        token: 'b2cUser',
        claims: { aud: externalApiId },
        code: 'wrong_audience'
      },
      'a token of External ID for the registration of Azure AD B2C': {
        token: 'externalUser',
        claims: { aud: apiId },
        code: 'wrong_audience'
      },
      'a token of Azure AD B2C by a key of External ID': {
        token: 'b2cUser',
        header: { kid: kids.current },
        code: 'unknown_key'
      },
      'a token of another user flow': { token: 'b2cUser', claims: { tfp: 'B2C_1_edit' }, code: 'wrong_user_flow' },
      'a token of External ID without a user flow, under the issuer of Azure AD B2C': {
        token: 'externalUser',
        claims: { iss: b2cIssuer },
        code: 'unknown_key'
      }
    }
  },
  'Entra ID, custom signing keys': {
    product: customKeys,
    env: { ...env, ENTRA_CUSTOM_SIGNING_KEYS: 'on' },
    passes: passesOf(customKeys, v2, v1),
    refuses: {
      ...always,
      "a token with the tenant's own key": {
        token: 'user',
        pair: 'beside',
        header: { kid: kids.beside },
        code: 'unknown_key'
      },
      'a token of another tenant': neighbour('login.microsoftonline.com')
    }
  }
}
