import type { FastifyInstance } from 'fastify'
import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import type { Version } from './authority/endpoints.js'
import type { TenantState } from './authority/state.js'
import { registrationOf } from './directory/registration.js'

const oneOf = (name: string, values: readonly number[]) => ({
  schema: {
    querystring: { type: 'object', required: [name], properties: { [name]: { type: 'integer', enum: values } } }
  }
})

const texts = (...names: readonly string[]) => ({
  type: 'object',
  required: names,
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }]))
})

/** Actions of an administrator in Entra ID's portal, as requests. Development only, as the responses state. */
export async function controlRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.post<{ Querystring: { keep: 0 | 1 } }>('/_control/rotate', oneOf('keep', [0, 1]), async ({ query }) => {
    await state.rotate({ keep: query.keep === 1 })
    return { developmentOnly: true, keys: state.keys.shared.map(({ kid }) => kid) }
  })

  app.post<{ Querystring: { requestedAccessTokenVersion: Version } }>(
    '/_control/api',
    oneOf('requestedAccessTokenVersion', [1, 2]),
    async ({ query }) => {
      state.accessTokenVersion = query.requestedAccessTokenVersion
      return { developmentOnly: true, requestedAccessTokenVersion: state.accessTokenVersion }
    }
  )
  app.post<{ Querystring: { uri: string } }>(
    '/_control/app-id-uri',
    { schema: { querystring: texts('uri') } },
    async ({ query }) => {
      state.appIdUris.add(query.uri)
      return { developmentOnly: true, identifierUris: registrationOf(state).identifierUris }
    }
  )
  policyRoutes(app, state)
  federationRoutes(app, state)

  app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post<{ Querystring: { clientId: string }; Body: string }>(
    '/_control/certificate',
    { schema: { querystring: texts('clientId'), body: { type: 'string' } } },
    async ({ query, body }) => {
      state.register(query.clientId, body)
      return { developmentOnly: true }
    }
  )
}

/** Trust in another issuer; the body is its key set. */
function federationRoutes(app: FastifyInstance, state: TenantState): void {
  const keys = { type: 'array', items: { type: 'object' } }
  app.post<{ Querystring: { clientId: string; issuer: string; subject: string }; Body: JSONWebKeySet }>(
    '/_control/federated-credential',
    {
      schema: {
        querystring: texts('clientId', 'issuer', 'subject'),
        body: { type: 'object', required: ['keys'], properties: { keys } }
      }
    },
    async ({ query, body }) => {
      state.federatedCredentials.push({ ...query, keys: createLocalJWKSet(body) })
      return { developmentOnly: true }
    }
  )
}

/** Decisions about permissions for Graph, and limits of Graph's responses. */
function policyRoutes(app: FastifyInstance, state: TenantState): void {
  app.post<{ Querystring: { scope: string; granted: 'yes' | 'no' } }>(
    '/_control/consent',
    { schema: { querystring: texts('scope', 'granted') } },
    async ({ query }) => {
      state.policies.consent(query.scope, query.granted === 'yes')
      return { developmentOnly: true }
    }
  )

  app.post<{ Querystring: { username: string; scope: string; authContext: string } }>(
    '/_control/conditional-access',
    { schema: { querystring: texts('username', 'scope', 'authContext') } },
    async ({ query }) => {
      state.policies.require(query.username, query.scope, query.authContext)
      return { developmentOnly: true }
    }
  )

  const limit = { type: 'integer', minimum: 1 }
  app.post<{ Querystring: { memberObjectsLimit: number } }>(
    '/_control/graph',
    { schema: { querystring: { ...texts('memberObjectsLimit'), properties: { memberObjectsLimit: limit } } } },
    async ({ query }) => {
      state.memberObjectsLimit = query.memberObjectsLimit
      return { developmentOnly: true, memberObjectsLimit: state.memberObjectsLimit }
    }
  )
}
