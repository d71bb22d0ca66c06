/** What is our own of the page at `/docs`: what it may load, what it shows, how it looks. The rest is Swagger UI's. */
import type { FastifyInstance } from 'fastify'
import { openapiDocument } from '../document.js'

/**
 * Content-security policy of the page. Its script may call this API and the authority, where it redeems the code, and nobody else. Without
 * `upgrade-insecure-requests`, which has no use where all is of these two, and breaks both on loopback, where neither has TLS.
 */
export function docsPagePolicy(app: FastifyInstance): string {
  const [authority] = app.entra.issuers.map(({ metadataUrl }) => new URL(metadataUrl).origin)
  return [
    ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:"],
    `connect-src 'self' ${authority}`,
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
  ].join('; ')
}

/**
 * The API's description as of now, made to be tried. A page is no place for the secret of a service (RFC 9700 §2.5), so a service's token
 * is pasted, whoever got it.
 */
export function docsPageDocument(app: FastifyInstance): Record<string, unknown> {
  const document = openapiDocument(app) as { readonly components: object }
  const { entraUser, entraApp } = app.entra.openapi.securitySchemes
  const securitySchemes = {
    entraUser: { ...entraUser, description: `${entraUser?.description}. Select the scopes to request.` },
    entraApp: { type: 'http', scheme: 'bearer', description: `${entraApp?.description}. Paste its token here.` }
  }
  const externalDocs = { url: 'access', description: 'Access matrix' }
  return { ...document, externalDocs, components: { ...document.components, securitySchemes } }
}

/** Swagger UI asks for a secret, which a public client has not, and has no room for a client ID. */
const style = `
.swagger-ui .auth-container .wrapper:has(> [for^="client_secret_"]) { display: none }
.swagger-ui .auth-container input[type="text"] { width: 100% }
`

/** Swagger UI knows dark colours, and leaves it to the page when to show them. */
const script = `
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()
`

/** Where the tenant sends the browser back to: Swagger UI's own page, with an empty icon, or the browser would ask for one. */
export const redirectPage = `<!doctype html>
<html lang="en">
<title>Return from sign-in</title>
<link rel="icon" href="data:,">
<script src="oauth2-redirect.js"></script>
</html>
`

/** Files that Swagger UI loads beside its own. */
export const docsPageTheme = {
  title: 'fastify-entra API',
  css: [{ filename: 'docs.css', content: style }],
  js: [{ filename: 'docs.js', content: script }]
}
