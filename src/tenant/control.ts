import type { FastifyInstance } from 'fastify'
import type { Version } from './endpoints.js'
import type { TenantState } from './state.js'

const oneOf = (name: string, values: readonly number[]) => ({
  schema: {
    querystring: { type: 'object', required: [name], properties: { [name]: { type: 'integer', enum: values } } }
  }
})

/** What an administrator does in Entra ID's portal, as requests. Development only, and the answers say so. */
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
}
