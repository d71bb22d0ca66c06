import type { Authority } from '../authority/authorities.js'
import { discoveryDocument } from '../authority/endpoints.js'
import type { DirectoryDescription, TenantDescription } from '../description.js'

// Every value on these pages is one of the tenants' own constants: they never contain data of a request.

const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
form ul { padding: 0; list-style: none }
form li { margin: .5rem 0 }
button, input { max-width: 100%; padding: .4rem .75rem; font: inherit; text-align: left }</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p><strong>Embedded development tenant – never for production.</strong> Anyone can sign in as anyone.</p>
${body}
</main>
</body>
</html>
`

const list = (items: readonly string[]) => `<ul>\n${items.map((item) => `<li>${item}</li>`).join('\n')}\n</ul>`

/** The page on which to pick or enter an account; it posts to itself. `message` explains why the last attempt failed. */
export function signInPage({ accounts }: Authority, message = ''): string {
  const buttons = accounts.map(
    ({ user: { username, name } }) => `<button name="username" value="${username}">${name} (${username})</button>`
  )
  return page(
    'Sign in',
    `<p role="alert">${message}</p>
<h2>Pick an account</h2>
<form method="post">
${list(buttons)}
</form>
<h2>Or enter its user name</h2>
<form method="post">
<label for="username">User name</label>
<input id="username" name="username" type="email" autocomplete="username" required>
<button>Sign in</button>
</form>`
  )
}

// The authorization server generates the forms, and escapes their values.

/** The page to enter the code that a device shows. */
export function codePage(form: string, message = ''): string {
  return page(
    'Sign in on another device',
    `<p role="alert">${message}</p>
<p>Enter the code that the device shows.</p>
${form}
<button form="op.deviceInputForm">Next</button>`
  )
}

/** The page to confirm the code of the device. */
export function confirmCodePage(form: string, clientId: string, code: string): string {
  return page(
    'Sign in on another device',
    `<p>The application <code>${clientId}</code> shows the code <code>${code}</code>. Does your device show the same code?</p>
${form}
<button form="op.deviceConfirmForm">Continue</button>`
  )
}

/** The page after that: the device continues. */
export function signedInElsewherePage(): string {
  return page('Signed in', '<p>You signed in on your device, and can close this page.</p>')
}

/** The page after signing out, if no application requested a redirect. */
export function signedOutPage(): string {
  return page('Signed out', '<p>You signed out of your account. You can close this page.</p>')
}

/** The page that lists the tenants, their accounts and their endpoints. */
export function descriptionPage(origin: string, { otherTenants, ...first }: TenantDescription): string {
  return page('Tenants', [first, ...otherTenants].map((tenant) => tenantSection(origin, tenant)).join('\n'))
}

function tenantSection(origin: string, { tenantId, clients, users }: DirectoryDescription): string {
  const { issuer, authorization_endpoint, token_endpoint, jwks_uri, end_session_endpoint } = discoveryDocument(
    origin,
    { name: tenantId, tenantId },
    2
  )
  const endpoints = { issuer, authorization_endpoint, token_endpoint, jwks_uri, end_session_endpoint }
  return `<h2>Tenant ${tenantId}</h2>
<h3>Accounts</h3>
${list(users.map(({ username, roles, groups }) => `${username} – roles: ${roles.join(', ') || 'none'}; groups: ${groups.length}`))}
<h3>Clients</h3>
${list(clients.map(({ name, clientId }) => `${name}: <code>${clientId}</code>`))}
<h3>Endpoints</h3>
${list(Object.entries(endpoints).map(([name, url]) => `${name}: <code>${url}</code>`))}`
}
