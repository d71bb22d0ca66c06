import type { FastifyInstance } from 'fastify'

const config = { auth: 'none' } as const
const tags = ['public']
const text = { type: 'string' } as const

/** Routes that anyone may call; a token is not looked at. */
export async function publicRoutes(app: FastifyInstance): Promise<void> {
  app.get(
    '/',
    { config, schema: { tags, operationId: 'getIndex', summary: 'What this is', response: { 200: index } } },
    () => ({
      name: 'fastify-entra API',
      links: {
        health: '/healthz',
        readiness: '/readyz',
        unprotected: '/unprotected',
        protected: '/protected',
        me: '/me'
      }
    })
  )

  const unprotected = { tags, operationId: 'getUnprotected', summary: 'Needs no token', response: { 200: message } }
  app.get('/unprotected', { config, schema: unprotected }, () => ({ message: 'Anyone may read this.' }))

  const alive = { tags, operationId: 'getHealth', summary: 'The process lives', response: { 200: health } }
  app.get('/healthz', { config, logLevel: 'warn', schema: alive }, () => ({ status: 'ok' }))

  const ready = {
    tags,
    operationId: 'getReadiness',
    summary: 'Tokens can be verified',
    response: { 200: readiness, 503: readiness }
  }
  app.get('/readyz', { config, logLevel: 'warn', schema: ready }, (_request, reply) => {
    const { ready, issuers } = app.entra
    reply.header('cache-control', 'no-store')
    if (!ready) reply.code(503).header('retry-after', 5)
    return { status: ready ? 'ready' : 'waiting for the keys of the tenant', issuers }
  })
}

const message = { type: 'object', description: 'A message', properties: { message: text }, required: ['message'] }
const health = { type: 'object', description: 'Alive', properties: { status: text }, required: ['status'] }
const index = {
  type: 'object',
  description: 'Name and links',
  properties: { name: text, links: { type: 'object', additionalProperties: text } },
  required: ['name', 'links']
}
/** Not the reason of a failure: it may name hosts and addresses, and the log has it. */
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
          ageSeconds: { type: 'integer' }
        },
        required: ['metadataUrl', 'state', 'keys']
      }
    }
  },
  required: ['status', 'issuers']
}
