/**
 * The well-known providers, each in a file of its own below `providers/`: rules of one product never apply to tokens of another. A name
 * that a user can have never marks an app.
 */
import type { Provider } from './provider.js'
import { auth0 } from './providers/auth0.js'
import { authentik } from './providers/authentik.js'
import { cognito } from './providers/cognito.js'
import { google } from './providers/google.js'
import { keycloak } from './providers/keycloak.js'
import { okta } from './providers/okta.js'
import { xsuaa } from './providers/xsuaa.js'
import { zitadel } from './providers/zitadel.js'

/** Names of the providers, for `provider` and `OIDC_PROVIDER`. */
export type ProviderName = 'keycloak' | 'auth0' | 'okta' | 'cognito' | 'google' | 'authentik' | 'zitadel' | 'xsuaa'

/** Issuers that are recognized as a product's: for checks of the configuration only. */
const issuersOf: readonly (readonly [ProviderName, RegExp])[] = [
  ['keycloak', /\/realms\/[^/]+\/?$/],
  ['auth0', /^https:\/\/[^/]+\.auth0\.com\/?$/],
  ['okta', /^https:\/\/[^/]+\.(okta|oktapreview|okta-emea|okta-gov)\.com(\/|$)/],
  ['cognito', /^https:\/\/cognito-idp\.[^/]+\.amazonaws\.com(\.cn)?\//],
  ['google', /^https:\/\/accounts\.google\.com$/],
  ['authentik', /\/application\/o\/[^/]+\/$/],
  ['zitadel', /^https:\/\/[^/]+\.zitadel\.cloud$/],
  ['xsuaa', /^https:\/\/[^/]+\.authentication\.[^/]+\.hana\.ondemand\.com\/oauth\/token$/]
]

/** The product that an issuer looks like. */
export function recognized(issuer: string): ProviderName | undefined {
  return issuersOf.find(([, pattern]) => pattern.test(issuer))?.[0]
}

/** By their names. */
export const providers: Readonly<Record<ProviderName, Provider>> = {
  ...{ keycloak, auth0, okta, cognito, google },
  ...{ authentik, zitadel, xsuaa }
}
