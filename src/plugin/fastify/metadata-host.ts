/** Where the metadata of protected resources is served: at the root of the host, whichever scope the plugin protects. */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Issuers } from '../engine.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { metadataHostMark } from '../lib/marks.js'
import { metadataOf } from '../resource/metadata.js'
import { type ProtectedResource, rootPath } from '../resource/protected-resource.js'
import { type AccessEntry, accessEntry } from '../routes/access-entry.js'
import type { AccessMatrix } from '../routes/access-matrix.js'
import { recordMatrix } from '../routes/scope.js'
import { type Served, serveMetadata } from './metadata-routes.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Present where `protectedResourceMetadata` is registered. */
    [metadataHostMark]?: MetadataHost
  }
}

/** Serves documents. */
export interface MetadataHost {
  /**
   * Declares the routes of a document.
   *
   * @throws EntraConfigurationError if a path is taken
   */
  serve(resource: ProtectedResource, build: Served['build']): void
}

/** Declares the routes of the document, once hooks are in place that see them. */
export type PublishMetadata = (issuers: Issuers, entries: AccessMatrix) => void

/**
 * What publishes the metadata of a plugin.
 *
 * @param resource the option; without it nothing is published
 * @throws EntraConfigurationError in a scope with a prefix, where the root of the host cannot be reached
 */
export function metadataPublisher(app: FastifyInstance, resource: ProtectedResource | undefined): PublishMetadata {
  if (!resource) return () => {}
  const host = metadataHostFor(app)
  return (issuers, entries) => host.serve(resource, () => metadataOf(resource, issuers, rulesOf(entries())))
}

/** What all guards require. */
const rulesOf = (entries: readonly AccessEntry[]) => entries.flatMap(({ rule }) => rule ?? [])

/** That of the companion plugin, or the plugin's own scope. */
function metadataHostFor(app: FastifyInstance): MetadataHost {
  const companion = app[metadataHostMark]
  if (companion) return companion
  if (app.prefix === '') return createHost(app)
  throw new EntraConfigurationError(
    `resource is set in the scope ${app.prefix}, where no route ${rootPath} can be declared; ${companionFix}`
  )
}

const companionFix = 'register protectedResourceMetadata, which this package exports, on the root instance first'

/** A document, by its place. */
interface Placed {
  readonly path: string
  readonly build: Served['build']
}

function createHost(app: FastifyInstance): MetadataHost {
  const all: Placed[] = []
  // RFC 9728 §3.1 gives the root to a resource without a path; the MCP authorization specification to the only one.
  const atRoot = () => all.find(({ path }) => path === rootPath) ?? (all.length === 1 ? all[0] : undefined)
  const declare = (url: string, served: Served) => {
    if (app.hasRoute({ method: 'GET', url })) throw taken(url)
    serveMetadata(app, url, served)
  }
  return {
    serve({ metadataPath: path }, build) {
      if (all.some((each) => each.path === path)) throw taken(path)
      if (all.length === 0)
        declare(rootPath, { isThere: () => atRoot() !== undefined, build: () => (atRoot() as Placed).build() })
      all.push({ path, build })
      if (path !== rootPath) declare(path, { isThere: () => true, build })
    }
  }
}

function taken(route: string): EntraConfigurationError {
  const fix = `or, for several resources in one app, ${companionFix}, and give each a publicUrl of its own`
  return new EntraConfigurationError(
    `GET ${route} is declared already, and resource needs it; remove that route, ${fix}`
  )
}

/** For an app of any type parameters, and of another copy of Fastify. */
type AnyFastifyPlugin = (app: object) => Promise<void>

async function host(app: FastifyInstance): Promise<void> {
  if (app.prefix !== '')
    throw new EntraConfigurationError(
      `protectedResourceMetadata is registered in the scope ${app.prefix}; register it on the root instance, where ${rootPath} is`
    )
  if (app.hasDecorator(metadataHostMark))
    throw new EntraConfigurationError('protectedResourceMetadata is registered twice; register it once')
  const own = createHost(app)
  const urls = new Set<string>()
  app.decorate(metadataHostMark, {
    serve(resource, build) {
      own.serve(resource, build)
      for (const url of [rootPath, resource.metadataPath]) urls.add(url)
    }
  })
  // Public by intention: a plugin in a scope must not report them as unprotected.
  recordMatrix(app, () =>
    [...urls].flatMap((url) => app.supportedMethods.map((method) => accessEntry({ method, url }, 'none')))
  )
}

/**
 * Serves the metadata of protected resources (RFC 9728) at the root of the host, for a `fastify-entra` with the option `resource` in a scope with a prefix, and for
 * several of them in one app. Register it on the root instance, before these scopes. It has no options, and protects nothing.
 *
 * Registration throws an {@link EntraConfigurationError} in a scope with a prefix, or if it is registered twice.
 */
export const protectedResourceMetadata = fp(host, {
  name: 'fastify-entra-metadata',
  fastify: '5.x'
}) as AnyFastifyPlugin
