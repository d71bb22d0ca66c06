/** Access tokens for `npm run dev`, `npm run token` and the page of the tenant, requested as clients do. */
import { clientCredentials, signIn } from './client.js'
import type { TenantDescription } from './description.js'

type Directory = Pick<TenantDescription, 'tenantId' | 'clients' | 'users'>

/** Everybody for whom there are tokens: users, and clients with a secret, of all tenants. */
export function namesIn({ otherTenants, ...first }: TenantDescription): readonly string[] {
  const names = [first, ...otherTenants].flatMap((directory) => [
    ...directory.users.map(({ username }) => username),
    ...servicesOf(directory, first.api.clientId).map(({ name }) => name)
  ])
  return [...new Set(names)]
}

/**
 * An access token for the API: of a user by code + PKCE through the single-page app, with all scopes; of a service by client credentials.
 *
 * @param name a user name, or the name of a client; the first tenant that has it decides
 * @returns undefined if no tenant has it
 */
export async function tokenFor(
  origin: string,
  { otherTenants, ...first }: TenantDescription,
  name: string
): Promise<string | undefined> {
  const { api } = first
  for (const directory of [first, ...otherTenants]) {
    const { tenantId, clients, users } = directory
    if (users.some(({ username }) => username === name)) {
      const scope = api.scopes.map((each) => `api://${api.clientId}/${each}`).join(' ')
      const clientId = String(clients.find((client) => client.name === 'spa')?.clientId)
      return (await signIn(origin, { tenantId, clientId, username: name, scope })).access_token
    }
    const service = servicesOf(directory, api.clientId).find((client) => client.name === name)
    if (service) {
      const scope = `api://${api.clientId}/.default`
      return (await clientCredentials(origin, { tenantId, ...service, scope })).access_token
    }
  }
  return undefined
}

/** Clients that get tokens for themselves; the API has a secret too, but not to call itself. */
function servicesOf({ clients }: Directory, apiClientId: string) {
  return clients.flatMap(({ name, clientId, clientSecret }) =>
    clientSecret === undefined || clientId === apiClientId ? [] : [{ name, clientId, clientSecret }]
  )
}
