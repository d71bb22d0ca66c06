/** What `npm run dev` prints: tokens as variables, lines to paste that use them, accounts, and the URLs last, where they stay in view. */

import { tokenFor } from '../tenant/access-tokens.js'
import type { Tenant, TenantDescription } from '../tenant/index.js'

/** Variables of the shell with a token each, by the account that it is for. Not `USER` or `GROUPS`: shells set these themselves. */
const variables = {
  'admin@contoso.example': 'ADMIN',
  'user@contoso.example': 'USER_NO_ROLES',
  daemon: 'DAEMON',
  'daemon-no-roles': 'DAEMON_NO_ROLES'
} as const

/** Requests to try: the caller, the path, and the resulting status. */
const tries = [
  [undefined, '/unprotected', 200],
  [undefined, '/protected', 401],
  ['user@contoso.example', '/me', 200],
  ['user@contoso.example', '/role-protected', 403],
  ['user@contoso.example', '/step-up-protected', 403],
  ['admin@contoso.example', '/role-protected', 200],
  ['admin@contoso.example', '/users', 200],
  ['daemon', '/protected', 200],
  ['daemon', '/users', 200],
  ['daemon', '/me', 403],
  ['daemon-no-roles', '/protected', 403]
] as const

/** The text. */
export async function introduction(
  tenant: Tenant,
  address: string,
  spaOrigin: string,
  mcpUrl: string
): Promise<string> {
  const exports = Object.entries(variables).map(async ([name, variable]) => {
    return `export ${variable}=${await tokenFor(tenant.origin, tenant.description, name)}`
  })
  const lines = tries.flatMap(([who, path, status]) => {
    const header = who ? ` -H "Authorization: Bearer $${variables[who]}"` : ''
    return [`# ${status}: ${who ?? 'without a token'}, ${path}`, `curl -i '${address}${path}'${header}`]
  })
  return [
    'Paste the tokens into a shell, and then any line below; the status above each line is what it gets:',
    '',
    ...(await Promise.all(exports)),
    '',
    ...lines,
    '',
    ...accounts(tenant.description),
    `  a token of one of them: ${settings(tenant)}npm run --silent token -- guest@fabrikam.example`,
    '',
    `App     ${spaOrigin}  (open it in a browser: sign in, call the API, be refused)`,
    `API     ${address}  (to sign in and call it: ${address}/docs)`,
    `MCP     ${mcpUrl}  (tools for a coding assistant: examples/mcp/README.md)`,
    `Tenant  ${tenant.origin}  (development only: anyone can sign in as anyone)`,
    ...(tenant.ca === undefined ? [] : howToTrust(tenant.origin, String(process.env.NODE_EXTRA_CA_CERTS))),
    ''
  ].join('\n')
}

function accounts({ users, clients }: TenantDescription): readonly string[] {
  return [
    'Users, who sign in without a password:',
    ...users.map(({ username, roles }) => `  ${username}  ${roles.join(' ') || 'no roles'}`),
    'Clients:',
    ...clients.map(
      ({ name, clientId, clientSecret }) => `  ${name}  ${clientId}  ${clientSecret ?? 'public, code + PKCE'}`
    )
  ]
}

/** What another command needs to find this tenant. */
function settings({ origin, ca }: Tenant): string {
  const { port } = new URL(origin)
  const trust = ca === undefined ? '' : `TENANT_TLS=1 NODE_EXTRA_CA_CERTS='${process.env.NODE_EXTRA_CA_CERTS}' `
  return `TENANT_PORT=${port} ${trust}`
}

/** Clients that call the tenant over https must trust its authority, which is in a file for as long as this runs. */
function howToTrust(origin: string, file: string): readonly string[] {
  return [
    `Trust   ${file}  (made for this run; deleted when it ends)`,
    `  NODE_EXTRA_CA_CERTS='${file}' node your-client.js`,
    `  curl --cacert '${file}' '${origin}/'`
  ]
}
