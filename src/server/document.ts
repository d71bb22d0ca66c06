/** The OpenAPI document: routes by @fastify/swagger, security by the plugin. */

import type {} from '@fastify/rate-limit' // config.rateLimit
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import { stringify } from 'yaml'
import { problemMediaType } from '../plugin/index.js'

/** Records every route declared from here on. */
export async function registerDocument(app: FastifyInstance): Promise<void> {
  const { transform, securitySchemes } = app.entra.openapi
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'fastify-entra API',
        version: '0.1.0',
        description: 'An API that authenticates its callers by access tokens of Microsoft Entra ID.',
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: '/', description: 'This server' }],
      tags: [
        { name: 'public', description: 'Open to anyone; tokens are not inspected' },
        { name: 'caller', description: 'Information about the caller, for callers with a valid token' },
        { name: 'directory', description: 'Data of the directory, read through Microsoft Graph' }
      ],
      components: { securitySchemes: { ...securitySchemes } }
    },
    transform: (input) => withLimit(transform(input), input.route)
  })
}

/** Any request may be over a limit, if the operator sets one (RFC 6585 §4). */
function withLimit<T extends { schema: FastifySchema }>(described: T, { config }: RouteOptions): T {
  if (config?.rateLimit === false) return described
  const { schema } = described
  return { ...described, schema: { ...schema, response: { ...(schema.response ?? {}), 429: tooMany } } }
}

const text = { type: 'string' }
const tooMany = {
  description: 'Too many requests, where the operator of this API limits them',
  headers: { 'Retry-After': text, 'RateLimit-Policy': text, RateLimit: text },
  content: { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } }
}

/** The current document: it contains the tenant's endpoints once they are known. */
export function openapiDocument(app: FastifyInstance): object {
  const document = app.swagger() as { components?: object }
  const { securitySchemes, schemas } = app.entra.openapi
  return { ...document, components: { ...document.components, securitySchemes, schemas } }
}

/** The same as YAML, as `openapi.yaml` has it. */
export function openapiYaml(app: FastifyInstance): string {
  return toYaml(openapiDocument(app))
}

/**
 * Converts a document to YAML, and caches it until the document changes: it is slow enough that a few unauthenticated requests could
 * overload the server.
 */
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
