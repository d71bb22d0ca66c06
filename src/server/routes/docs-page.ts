/** The documents as a page: Swagger UI, where users sign in and call the API. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, RouteHandlerMethod } from 'fastify'
import type { RouteAuth } from '../../plugin/index.js'
import { yamlKeeper } from '../document.js'
import {
  docsPageDocument,
  docsPagePolicy,
  docsPageTheme,
  redirectPage,
  withScopes,
  withSpaces,
  withViewport
} from '../pages/docs-page.js'

const { resolve } = createRequire(import.meta.url)

/** Options of the API's documents. */
export interface DocsOptions {
  /** Who may read them, by `DOCS`. */
  readonly auth: RouteAuth
  /** The public client with which users sign in; without one the page asks for it. */
  readonly clientId: string | undefined
}

/** `/docs`, and all paths below it that Swagger UI needs. */
export async function docsPageRoutes(app: FastifyInstance, { auth, clientId }: DocsOptions): Promise<void> {
  const inYaml = yamlKeeper()
  const own = new Map<string, RouteHandlerMethod>([
    // Its own route builds the YAML for each request.
    ['/docs/yaml', (_request, reply) => reply.type('application/yaml').send(inYaml(docsPageDocument(app)))],
    // Its own redirect repeats the target of the request, which may be an absolute URL (RFC 9112 §3.2.2) of any host.
    ['/docs/static/index.html', (_request, reply) => reply.redirect('/docs/')]
  ])
  const changed = new Map<string, (text: string) => string>([
    ['/docs', withViewport],
    ['/docs/', withViewport],
    ['/docs/static/swagger-initializer.js', (script) => withScopes(script, app)]
  ])
  app.addHook('onRoute', (route) => {
    // Its routes do not declare who may call them.
    route.config = { auth, ...route.config }
    route.handler = own.get(route.url) ?? route.handler
    const change = changed.get(route.url)
    if (change) route.onSend = async (_request, _reply, payload) => change(String(payload))
  })
  const policy = docsPagePolicy(app)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('content-security-policy', policy)
    // The tenant's page opens in a window of its own, which needs access to this one (HTML §7.1.3, "opener policies").
    reply.header('cross-origin-opener-policy', 'same-origin-allow-popups')
  })
  await app.register(redirectRoutes)
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    initOAuth: {
      ...(clientId && { clientId }),
      appName: 'this page',
      usePkceWithAuthorizationCodeGrant: true,
      // Otherwise the session at the tenant would choose the account, and nobody could change it.
      additionalQueryStringParams: { prompt: 'select_account' }
    },
    uiConfig: { layout: 'BaseLayout', persistAuthorization: false, showExtensions: true, defaultModelsExpandDepth: -1 },
    theme: docsPageTheme,
    transformSpecification: () => docsPageDocument(app),
    transformSpecificationClone: false
  })
}

/** Public, as a browser that returns from the tenant has no token yet. They contain no secret. */
async function redirectRoutes(app: FastifyInstance): Promise<void> {
  const options = { config: { auth: 'none' }, schema: { hide: true } } as const
  const script = withSpaces(await readFile(resolve('@fastify/swagger-ui/static/oauth2-redirect.js'), 'utf8'))
  app.get('/docs/static/oauth2-redirect.js', options, (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(script)
  )
  app.get('/docs/static/oauth2-redirect.html', options, (_request, reply) =>
    reply.header('cross-origin-opener-policy', 'unsafe-none').type('text/html; charset=utf-8').send(redirectPage)
  )
}
