/** The commonest mistakes with tokens, as tokens and the variables of the API that refuses them. For docs/explain.md and its test. */
import { type Overrides, type SigningKey, sign, tenantId } from '../../support/tenant.js'

/** When all of them are explained, in milliseconds of the epoch. */
export const now = Date.UTC(2026, 10, 29, 12)
const seconds = now / 1000

const api = '66666666-7777-4888-8999-aaaaaaaaaaaa'
const client = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'
const issuer = `https://login.microsoftonline.com/${tenantId}/v2.0`

export interface Mistake {
  readonly title: string
  /** Variables of the API. Default: of one tenant */
  readonly env?: Readonly<Record<string, string>>
  readonly claims: Overrides
  readonly header?: Overrides
}

export const entra = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: api }

const user: Overrides = {
  iss: issuer,
  aud: api,
  azp: client,
  tid: tenantId,
  ver: '2.0',
  oid: 'cccccccc-dddd-4eee-8fff-000000000000',
  sub: 'pairwise-subject',
  iat: seconds - 60,
  nbf: seconds - 60,
  exp: seconds + 3540,
  scp: 'Orders.Read',
  idtyp: 'user',
  acct: 0
}
const app: Overrides = { ...user, scp: undefined, acct: undefined, sub: user.oid, idtyp: 'app' }
const keycloak = {
  OIDC_ISSUER: 'https://login.example.com/realms/shop',
  OIDC_AUDIENCE: 'orders-api',
  OIDC_PROVIDER: 'keycloak'
}
const b2c = {
  ENTRA_TENANT_ID: tenantId,
  ENTRA_CLIENT_ID: api,
  ENTRA_AUTHORITY: 'https://contoso.b2clogin.com',
  ENTRA_USER_FLOW: 'B2C_1_signin'
}

export const mistakes: readonly Mistake[] = [
  {
    title: 'The token is for Microsoft Graph',
    claims: {
      ...user,
      iss: `https://sts.windows.net/${tenantId}/`,
      ver: '1.0',
      aud: '00000003-0000-0000-c000-000000000000',
      azp: undefined,
      appid: client,
      scp: 'User.Read'
    },
    header: { nonce: 'n' }
  },
  {
    title: 'An ID token in place of the access token',
    claims: { ...user, nonce: 'n', scp: undefined, azp: undefined, name: 'A User' }
  },
  { title: 'The token is for another API', claims: { ...user, aud: 'dddddddd-eeee-4fff-8000-111111111111' } },
  {
    title: 'The token is from another tenant',
    claims: {
      ...user,
      iss: issuer.replace(tenantId, '99999999-8888-4777-8666-555555555555'),
      tid: '99999999-8888-4777-8666-555555555555'
    }
  },
  {
    title: 'The token has expired',
    claims: { ...user, iat: seconds - 7260, nbf: seconds - 7260, exp: seconds - 3600 }
  },
  {
    title: 'The clock of the API is wrong',
    claims: { ...user, iat: seconds + 1800, nbf: seconds + 1800, exp: seconds + 5400 }
  },
  { title: 'A service without a permission', claims: app },
  {
    title: 'Nothing says whether a user or an app calls',
    claims: { ...app, idtyp: undefined, oid: undefined, roles: ['Orders.Read.All'] }
  },
  {
    title: 'The client may not call',
    env: { ...entra, ENTRA_ALLOWED_CLIENTS: 'eeeeeeee-ffff-4000-8111-222222222222' },
    claims: user
  },
  {
    title: 'A user of too many groups, and a guest',
    claims: {
      ...user,
      acct: 1,
      _claim_names: { groups: 'src1' },
      _claim_sources: { src1: { endpoint: 'https://graph.example' } }
    }
  },
  {
    title: 'Another user flow of Azure AD B2C',
    env: b2c,
    claims: {
      ...user,
      iss: `https://contoso.b2clogin.com/${tenantId}/v2.0/`,
      tfp: 'B2C_1_signup',
      ver: '1.0',
      acct: undefined,
      idtyp: undefined
    }
  },
  {
    title: 'Keycloak without an audience mapper',
    env: keycloak,
    claims: {
      iss: keycloak.OIDC_ISSUER,
      aud: 'account',
      azp: 'shop',
      sub: 'f:1:jane',
      typ: 'Bearer',
      scope: 'orders.read email',
      iat: seconds - 60,
      exp: seconds + 240
    }
  }
]

export const tokenOf = ({ claims, header = {} }: Mistake, key: SigningKey) => sign(claims, header, key)
