/** Access to Microsoft Graph for lookups about one user, by the client of the user's tenant. */
import type { GroupsDependencies } from '../authorization/groups.js'
import type { Context } from '../authorization/rules.js'
import type { ExchangeJson } from '../lib/json-client.js'
import type { TokenClients } from './token-clients.js'

/** @param onBehalfOf gets a token for the user, when the user's own token is available */
export function graphFor(
  downstreams: TokenClients,
  exchangeJson: ExchangeJson,
  onBehalfOf: (context: Context, scopes: readonly string[]) => Promise<string>
): GroupsDependencies['graphFor'] {
  return (principal, context, signal) => {
    const downstream = downstreams.of(principal)
    if (!downstream) return undefined
    return {
      url: downstream.client.graphUrl,
      exchangeJson: (url, init) => exchangeJson(url, { signal, ...init }),
      tokenForApp: (scope) => downstream.tokenForApp(principal.tenantId, scope),
      tokenOnBehalfOf: (scopes) => onBehalfOf(context, scopes)
    }
  }
}
