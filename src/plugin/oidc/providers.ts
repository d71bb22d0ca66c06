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

/** By their names. */
export const providers: Readonly<Record<ProviderName, Provider>> = {
  ...{ keycloak, auth0, okta, cognito, google },
  ...{ authentik, zitadel, xsuaa }
}
