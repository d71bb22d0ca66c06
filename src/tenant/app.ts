import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { controlRoutes } from './control.js'
import { describeTenant } from './description.js'
import { discoveryDocument, issuer, toV2Path, type Version, versions } from './endpoints.js'
import { graphRoutes } from './graph.js'
import { publicKeySet } from './keys.js'
import { descriptionPage } from './pages.js'
import { signInRoutes } from './sign-in.js'
import type { TenantState } from './state.js'

/** Whether and how the tenant logs, as Fastify takes it. */
export type Logger = NonNullable<FastifyServerOptions['logger']>

/** Everything the tenant serves, on one origin as at Entra ID. */
export function createApp(state: TenantState, logger: Logger): FastifyInstance {
  const app: FastifyInstance = fastify({ logger, rewriteUrl: ({ url }) => toV2Path(String(url)) })
  metadataRoutes(app, state, 1)
  metadataRoutes(app, state, 2)
  app.register(signInRoutes, { state })
  app.register(graphRoutes, { state })
  app.register(controlRoutes, { state })
  app.register(authorizationServerRoutes, { state })

  app.get('/', (request, reply) => {
    const description = describeTenant(state.origin)
    return String(request.headers.accept).includes('text/html')
      ? reply.type('text/html; charset=utf-8').send(descriptionPage(state.origin, description))
      : reply.send(description)
  })
  return app
}

/** The discovery document and the keys: public, to a browser's scripts too. */
function metadataRoutes(app: FastifyInstance, state: TenantState, version: Version): void {
  const { discovery, keys } = versions[version]
  app.get(discovery, (_request, reply) =>
    reply.header('access-control-allow-origin', '*').send(discoveryDocument(state.origin, version))
  )
  app.get(keys, (_request, reply) =>
    reply.header('access-control-allow-origin', '*').send(publicKeySet(state.keys, issuer(state.origin, version)))
  )
}

/** Hands the OAuth endpoints to the authorization server, which reads the request's body itself. */
async function authorizationServerRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.all(`${versions[2].oauth2}/*`, (request, reply) => {
    reply.hijack()
    state.authorizationServer.callback()(request.raw, reply.raw)
  })
}
