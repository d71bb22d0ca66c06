/** This server's part of the page at `/docs`: its content-security policy, content and style. The rest is Swagger UI. */
import type { FastifyInstance } from 'fastify'
import { openapiDocument } from '../document.js'

/**
 * Content-security policy of the page. Its script may call only this API and the authority, where it redeems the code. Without
 * `upgrade-insecure-requests`, which is useless for these two origins, and breaks both on loopback without TLS.
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
 * The API's current description, adapted for trying it. A page cannot hold the secret of a service (RFC 9700 §2.5), so users paste a
 * service's token.
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

/** Swagger UI asks for a secret, which a public client does not have, and has too little space for a client ID. */
const style = `
.swagger-ui .auth-container .wrapper:has(> [for^="client_secret_"]) { display: none }
.swagger-ui .auth-container input[type="text"] { width: 100% }
`

/** Swagger UI has dark colours; the page must switch them on. */
const script = `
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()
`

/** The redirect page for the tenant: Swagger UI's own, with an empty icon, or the browser would request one. */
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
