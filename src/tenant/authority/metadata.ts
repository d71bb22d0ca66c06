import type { FastifyInstance } from 'fastify'
import { keysFor, publicKeySet } from '../tokens/keys.js'
import { type Authority, common, organizations, tenants } from './authorities.js'
import { discoveryDocument, issuer, metadataPathsOf, type Version } from './endpoints.js'
import type { TenantState } from './state.js'

/** The query of the metadata of an application with custom signing keys. */
interface MetadataRequest {
  readonly Querystring: { readonly appid?: string }
}

/** The discovery documents and keys of the tenants and of the aliases for all tenants: public, also for scripts in browsers. */
export async function metadataRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.addHook('onRequest', async (_request, reply) => void reply.header('access-control-allow-origin', '*'))
  for (const authority of [...tenants, common, organizations]) {
    describe(app, state, authority, 1)
    describe(app, state, authority, 2)
  }
}

function describe(app: FastifyInstance, state: TenantState, authority: Authority, version: Version): void {
  const paths = metadataPathsOf(authority.name, version)
  app.get<MetadataRequest>(paths.discovery, ({ query }) =>
    discoveryDocument(state.origin, authority, version, query.appid)
  )
  // An alias has one set for both versions, whose keys name the v2.0 template, like most of Microsoft's own.
  const keyIssuer = issuer(state.origin, authority.tenantId, tenants.includes(authority) ? version : 2)
  app.get<MetadataRequest>(paths.keys, ({ query: { appid = '' } }) =>
    publicKeySet(keysFor(state.keys, appid), keyIssuer)
  )
}
