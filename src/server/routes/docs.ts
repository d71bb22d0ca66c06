import type { FastifyInstance } from 'fastify'
import type { RouteAuth } from '../../plugin/index.js'
import { openapiDocument, openapiYaml } from '../document.js'
import { accessRoutes } from './access.js'

/** The API's description, as JSON and as YAML, and who may call it, as a page; who may read these, `DOCS` says. */
export async function docsRoutes(app: FastifyInstance, { auth }: { auth: RouteAuth }): Promise<void> {
  const options = { config: { auth }, schema: { hide: true } }
  app.get('/openapi.json', options, () => openapiDocument(app))
  app.get('/openapi.yaml', options, (_request, reply) => reply.type('application/yaml').send(openapiYaml(app)))
  await app.register(accessRoutes, { auth })
}
