import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { common, tenants } from './authority/authorities.js'
import { pathsOf, toServerPath } from './authority/endpoints.js'
import { metadataRoutes } from './authority/metadata.js'
import type { TenantState } from './authority/state.js'
import { controlRoutes } from './control.js'
import { applicationRoutes } from './directory/applications.js'
import { graphRoutes } from './graph/graph.js'
import { showErrors, startPageRoutes } from './pages/routes.js'
import { signInRoutes } from './sign-in/sign-in.js'

/** Fastify's logger option. */
export type Logger = NonNullable<FastifyServerOptions['logger']>

/** Everything that the tenants serve, on one origin as at Entra ID. */
export function createApp(state: TenantState, logger: Logger): FastifyInstance {
  const app: FastifyInstance = fastify({ logger, rewriteUrl: ({ url }) => toServerPath(String(url)) })
  showErrors(app)
  app.register(metadataRoutes, { state })
  app.register(signInRoutes, { state })
  app.register(graphRoutes, { state })
  app.register(applicationRoutes, { state })
  app.register(controlRoutes, { state })
  app.register(authorizationServerRoutes, { state })
  app.register(startPageRoutes, { origin: state.origin })
  return app
}

/** Delegates the OAuth endpoints to the authorization servers, which read the request's body themselves. */
async function authorizationServerRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  for (const authority of [...tenants, common]) {
    app.all(pathsOf(authority.name).oauth2, (request, reply) => {
      reply.hijack()
      state.serverOf(authority).callback()(request.raw, reply.raw)
    })
  }
}
