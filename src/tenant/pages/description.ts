import { namesIn } from '../access-tokens.js'
import { discoveryDocument } from '../authority/endpoints.js'
import type { DirectoryDescription, TenantDescription } from '../description.js'
import { api } from '../directory/directory.js'
import { escaped, list, page } from './layout.js'

const code = (value: string) => `<code>${escaped(value)}</code>`

/** The start page: the API's permissions, and accounts, applications and endpoints of each tenant. */
export function descriptionPage(origin: string, description: TenantDescription): string {
  const { otherTenants, ...first } = description
  return page(
    'Accounts and apps',
    `<p class="lead">Two tenants that behave like those of Microsoft Entra ID. Nothing here is secret: secrets are constants, for development only.</p>
${tokenForm(namesIn(description))}
${apiSection(first)}
${[first, ...otherTenants].map((tenant) => tenantSection(origin, tenant)).join('\n')}`,
    'wide'
  )
}

function tokenForm(names: readonly string[]): string {
  const options = names.map((name) => `<option>${escaped(name)}</option>`)
  return `<form method="post" action="/_token">
<h2>Get a token</h2>
<label for="name">Account or app</label>
<div class="field">
<select id="name" name="name">
${options.join('\n')}
</select>
<button class="primary">Get a token</button>
</div>
<p class="quiet">For the API, with all permissions of the account or app. In a shell: <code>npm run token -- ${escaped(String(names[0]))}</code></p>
</form>`
}

function apiSection({ api: { clientId, scopes, roles } }: TenantDescription | Omit<TenantDescription, 'otherTenants'>) {
  const rows = [
    ['Client ID', code(clientId)],
    [
      'Scopes, for users',
      list(
        scopes.map((scope) => code(`api://${clientId}/${scope}`)),
        'plain'
      )
    ],
    ['Scope, for apps', code(`api://${clientId}/.default`)],
    ['Roles', list(roles.map(code), 'plain')]
  ]
  return `<section>\n<h2>The API</h2>\n${rowList(rows)}\n</section>`
}

function tenantSection(origin: string, { tenantId, clients, users }: DirectoryDescription): string {
  const { issuer, authorization_endpoint, token_endpoint, jwks_uri, end_session_endpoint } = discoveryDocument(
    origin,
    { name: tenantId, tenantId },
    2
  )
  const endpoints = { issuer, authorization_endpoint, token_endpoint, jwks_uri, end_session_endpoint }
  const [, domain = ''] = String(users[0]?.username).split('@')
  const accounts = users.map(({ username, roles, groups }) => [
    escaped(username),
    `${roles.length > 0 ? `role ${roles.map(escaped).join(', ')}` : 'no roles'}, ${groups.length === 1 ? '1 group' : `${groups.length} groups`}`
  ])
  return `<section>
<h2>Tenant ${escaped(domain)}</h2>
<p class="quiet">ID: ${code(tenantId)}</p>
<h3>Accounts</h3>
${rowList(accounts)}
<h3>Apps</h3>
${rowList(clients.map((client) => [escaped(client.name), appFacts(client)]))}
<details>
<summary>Endpoints</summary>
${rowList(Object.entries(endpoints).map(([name, url]) => [name, code(url)]))}
</details>
</section>`
}

function appFacts({ clientId, clientSecret, appRoles }: DirectoryDescription['clients'][number]): string {
  if (clientSecret === undefined) return list([code(clientId), 'No secret: signs users in, with PKCE'], 'plain')
  const resource = clientId === api.clientId ? 'Microsoft Graph' : 'the API'
  const permissions = appRoles.length > 0 ? appRoles.map(code).join(', ') : 'none'
  return list([code(clientId), `Secret: ${code(clientSecret)}`, `Permissions for ${resource}: ${permissions}`], 'plain')
}

/** Names with facts; both are HTML. */
function rowList(rows: readonly (readonly string[])[]): string {
  return list(
    rows.map(([name, facts]) => `<span>${name}</span>\n<div>${facts}</div>`),
    'rows'
  )
}

/** A token that somebody asked for, with its claims. */
export function tokenPage(name: string, token: string): string {
  const claims = JSON.parse(Buffer.from(String(token.split('.')[1]), 'base64url').toString())
  return page(
    `Token of ${name}`,
    `<p class="lead">Valid for the API until ${new Date(claims.exp * 1000).toISOString().slice(11, 19)} UTC.</p>
<section>
<h2>Header of a request</h2>
<pre class="copy" tabindex="0" role="region" aria-label="Header">Authorization: Bearer ${escaped(token)}</pre>
<p class="quiet">A click selects all of it. <code>curl -H "Authorization: Bearer $TOKEN" …</code> sends it from a shell.</p>
</section>
<section>
<h2>Claims</h2>
<pre tabindex="0" role="region" aria-label="Claims">${escaped(JSON.stringify(claims, null, 2))}</pre>
</section>
<nav class="actions" aria-label="What to do"><a class="button" href="/">Apps and accounts</a></nav>`,
    'wide'
  )
}
