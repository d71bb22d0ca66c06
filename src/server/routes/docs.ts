import type { FastifyInstance } from 'fastify'
import { openapiDocument, yamlKeeper } from '../document.js'
import { accessRoutes } from './access.js'
import { type DocsOptions, docsPageRoutes } from './docs-page.js'

/** The OpenAPI document as JSON, as YAML and as a page to try it; and the access matrix as a page. */
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
