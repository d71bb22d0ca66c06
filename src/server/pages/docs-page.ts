/** This server's part of the page at `/docs`: its content-security policy, content and style. The rest is Swagger UI. */
import type { FastifyInstance } from 'fastify'
import { openapiDocument } from '../document.js'
import { type Operations, pathsWithExamples, userScopes } from './problem-examples.js'

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
  const document = openapiDocument(app) as Operations & { readonly components: object }
  const { entraUser, entraApp } = app.entra.openapi.securitySchemes
  const securitySchemes = {
    entraUser: { ...entraUser, description: `${entraUser?.description}. At least one scope is required.` },
    entraApp: { type: 'http', scheme: 'bearer', description: `${entraApp?.description}. Paste its token here.` }
  }
  const externalDocs = { url: 'access', description: 'Access matrix' }
  const paths = pathsWithExamples(app, document)
  return { ...document, paths, externalDocs, components: { ...document.components, securitySchemes } }
}

/** Swagger UI's page for a phone: without this, it is as wide as on a desktop, and tiny. */
export function withViewport(page: string): string {
  return page.replace(
    '<meta charset="UTF-8">',
    '$&\n<meta name="viewport" content="width=device-width, initial-scale=1">'
  )
}

/** Swagger UI's start, with all scopes selected: a request without scopes is refused. They are known once all routes are. */
export function withScopes(script: string, app: FastifyInstance): string {
  const scopes = JSON.stringify(userScopes(openapiDocument(app) as Operations))
  return script.replace('ui.initOAuth({', () => `ui.initOAuth({"scopes": ${scopes}, `)
}

/** Swagger UI asks for a secret, which a public client does not have, and has too little space for a client ID. */
const style = `
.swagger-ui .auth-container .wrapper:has(> [for^="client_secret_"]) { display: none }
.swagger-ui .auth-container input[type="text"] { width: 100% }
.swagger-ui .auth-container { overflow-wrap: anywhere }
@media (max-width: 48rem) {
  .swagger-ui .wrapper { padding: 0 .75rem }
  .swagger-ui .response-col_links { display: none }
  .swagger-ui .dialog-ux .modal-ux { width: calc(100vw - 1.5rem); min-width: 0; max-height: calc(100vh - 1.5rem) }
  .swagger-ui .dialog-ux .modal-ux-content { max-height: calc(100vh - 7rem); padding: .75rem }
}
`

/**
 * Swagger UI has dark colours; the page must switch them on. Its dialog focuses the field for a pasted token, at its end; it must open at its
 * beginning, where users sign in.
 */
const script = `
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()

let opened = null
new MutationObserver(() => {
  const dialog = document.querySelector('.modal-ux')
  if (dialog && dialog !== opened) {
    dialog.querySelector('.close-modal').focus()
    dialog.querySelector('.modal-ux-content').scrollTop = 0
  }
  opened = dialog
}).observe(document.body, { childList: true, subtree: true })
`

/** The redirect page for the tenant: Swagger UI's own, with an empty icon, or the browser would request one. */
export const redirectPage = `<!doctype html>
<html lang="en">
<title>Return from sign-in</title>
<link rel="icon" href="data:,">
<script src="oauth2-redirect.js"></script>
</html>
`

/** Swagger UI's script of that page: reads `+` in the tenant's response as a space (RFC 6749 §4.1.2.1, appendix B), as in descriptions of errors. */
export function withSpaces(script: string): string {
  return script.replace('location.search.substring(1)', "$&.replaceAll('+', '%20')")
}

/** Files that Swagger UI loads beside its own. */
export const docsPageTheme = {
  title: 'fastify-entra API',
  css: [{ filename: 'docs.css', content: style }],
  js: [{ filename: 'docs.js', content: script }]
}
