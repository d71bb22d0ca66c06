/** The OpenAPI document: routes by @fastify/swagger, security by the plugin. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { stringify } from 'yaml'

/** Notes every route declared from here on. */
export async function registerDocument(app: FastifyInstance): Promise<void> {
  const { transform, securitySchemes } = app.entra.openapi
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'fastify-entra API',
        version: '0.1.0',
        description: 'A resource API that authenticates its callers by access tokens of Microsoft Entra ID.',
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: '/', description: 'This server' }],
      tags: [
        { name: 'public', description: 'No token is inspected' },
        { name: 'caller', description: 'About the caller' },
        { name: 'directory', description: 'Through Microsoft Graph' }
      ],
      components: { securitySchemes: { ...securitySchemes } }
    },
    transform
  })
}

/** The document as of now: the tenant's endpoints are in it once they are known. */
export function openapiDocument(app: FastifyInstance): object {
  const document = app.swagger() as { components?: object }
  const { securitySchemes, schemas } = app.entra.openapi
  return { ...document, components: { ...document.components, securitySchemes, schemas } }
}

/** The same as YAML, as `openapi.yaml` has it. */
export function openapiYaml(app: FastifyInstance): string {
  return toYaml(openapiDocument(app))
}

/** Makes YAML of a document, and keeps it until the document changes: it takes so long that a few requests of strangers would be too many. */
export function yamlKeeper(): (document: object) => string {
  let [json, yaml] = ['', '']
  return (document) => {
    const now = JSON.stringify(document)
    if (now !== json) [json, yaml] = [now, toYaml(document)]
    return yaml
  }
}

function toYaml(document: object): string {
  return stringify(document, { aliasDuplicateObjects: false })
}
