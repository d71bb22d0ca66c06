import type { FastifyInstance } from 'fastify'
import type { RouteAuth } from '../../plugin/index.js'
import { openapiDocument, yamlKeeper } from '../document.js'
import { accessRoutes } from './access.js'
import { docsPageRoutes } from './docs-page.js'

/** What the API's documents are served with. */
export interface DocsOptions {
  /** Who may read them: what `DOCS` says. */
  readonly auth: RouteAuth
  /** The public client that people sign in with; without one the page asks for it. */
  readonly clientId: string | undefined
}

/** The API's description, as JSON and as YAML, as a page to try it on, and who may call it, as a page. */
export async function docsRoutes(app: FastifyInstance, { auth, clientId }: DocsOptions): Promise<void> {
  const options = { config: { auth }, schema: { hide: true } }
  const inYaml = yamlKeeper()
  app.get('/openapi.json', options, () => openapiDocument(app))
  app.get('/openapi.yaml', options, (_request, reply) =>
    reply.type('application/yaml').send(inYaml(openapiDocument(app)))
  )
  await app.register(accessRoutes, { auth })
  await app.register(docsPageRoutes, { auth, clientId })
}
