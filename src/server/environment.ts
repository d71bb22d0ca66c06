/** For `npm run dev`, the documents and tests: the settings of an API that trusts the embedded tenant. */
import type { Tenant } from '../tenant/index.js'

/** Environment of an API that trusts the embedded tenant. */
export function environmentFor({ origin, tenantId, description }: Tenant): Record<string, string> {
  const spa = description.clients.find(({ name }) => name === 'spa')
  const self = description.clients.find(({ clientId }) => clientId === description.api.clientId)
  return {
    ENTRA_TENANT_ID: tenantId,
    ENTRA_CLIENT_ID: description.api.clientId,
    ENTRA_AUTHORITY: origin,
    ENTRA_CLIENT_SECRET: String(self?.clientSecret),
    GRAPH_URL: origin,
    DOCS_CLIENT_ID: String(spa?.clientId)
  }
}
