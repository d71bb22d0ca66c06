import type { FastifyInstance } from 'fastify'

const config = { auth: 'none' } as const
const unlimited = { ...config, rateLimit: false } as const
const tags = ['public']
const text = { type: 'string' } as const

/** Other requirements of requests with a token. */
interface Needs {
  readonly redis: { ping(): Promise<unknown> } | undefined
  readonly shutdown: { readonly isLeaving: boolean }
  /** Whether the API serves its documents. */
  readonly hasDocs: boolean
}

/** Every page and route that a GET request reads, by name. */
const links = {
  health: '/healthz',
  readiness: '/readyz',
  unprotected: '/unprotected',
  protected: '/protected',
  tenant: '/tenant',
  me: '/me',
  profile: '/me/profile',
  groups: '/me/groups',
  roleProtected: '/role-protected',
  stepUpProtected: '/step-up-protected',
  users: '/users'
} as const
const documents = {
  docs: '/docs',
  accessMatrix: '/docs/access',
  openapiJson: '/openapi.json',
  openapiYaml: '/openapi.yaml'
} as const

/** Routes that anyone may call; the token is not inspected. */
export async function publicRoutes(app: FastifyInstance, { redis, shutdown, hasDocs }: Needs): Promise<void> {
  app.get(
    '/',
    { config, schema: { tags, operationId: 'getIndex', summary: 'What this API is', response: { 200: index } } },
    () => ({
      name: 'fastify-entra API',
      links: { ...links, ...(hasDocs && documents) }
    })
  )

  // Browsers request it beside any page; without this route, each would get a refusal that is logged.
  app.get('/favicon.ico', { config, logLevel: 'warn', schema: { hide: true } }, (_request, reply) =>
    reply.code(204).header('cache-control', 'public, max-age=86400').send()
  )

  const unprotected = { tags, operationId: 'getUnprotected', summary: 'Requires no token', response: { 200: message } }
  app.get('/unprotected', { config, schema: unprotected }, () => ({ message: 'Anyone may read this.' }))

  const alive = { tags, operationId: 'getHealth', summary: 'The process is running', response: { 200: health } }
  app.get('/healthz', { config: unlimited, logLevel: 'warn', schema: alive }, () => ({ status: 'ok' }))

  const ready = {
    tags,
    operationId: 'getReadiness',
    summary: 'Tokens can be verified',
    response: { 200: readiness, 503: readiness }
  }
  app.get('/readyz', { config: unlimited, logLevel: 'warn', schema: ready }, async (_request, reply) => {
    const missing = app.entra.ready ? await missingRedis(redis) : 'the keys of the tenant'
    reply.header('cache-control', 'no-store')
    if (missing || shutdown.isLeaving) reply.code(503).header('retry-after', 5)
    const status = missing ? `waiting for ${missing}` : 'ready'
    return { status: shutdown.isLeaving ? 'shutting down' : status, issuers: app.entra.issuers }
  })
}

/** Without the Redis that stores revocations, every request with a token gets 503. */
async function missingRedis(redis: Needs['redis']): Promise<'Redis' | undefined> {
  try {
    await redis?.ping()
    return undefined
  } catch {
    return 'Redis'
  }
}

const message = { type: 'object', description: 'A message', properties: { message: text }, required: ['message'] }
const health = { type: 'object', description: 'Alive', properties: { status: text }, required: ['status'] }
const index = {
  type: 'object',
  description: 'Name and links',
  properties: { name: text, links: { type: 'object', additionalProperties: text } },
  required: ['name', 'links']
}
/** Without the reason of a failure: it may name hosts and addresses, and is logged. */
const readiness = {
  type: 'object',
  description: 'Each trusted issuer with the state of its keys',
  properties: {
    status: text,
    issuers: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          metadataUrl: text,
          issuer: text,
          state: { type: 'string', enum: ['cold', 'fresh', 'stale'] },
          keys: { type: 'integer' },
          ageSeconds: { type: 'integer' },
          preloaded: { type: 'boolean' }
        },
        required: ['metadataUrl', 'state', 'keys']
      }
    }
  },
  required: ['status', 'issuers']
}
