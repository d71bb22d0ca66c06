/**
 * Marks by which this package recognizes its own objects: by `Symbol.for`, so that two installed copies of one version work together, and
 * two versions are detected. A property name alone is never sufficient.
 */

/** The version of the package, as in package.json. */
export const version = '0.1.0'

/** On a guard: the version that made it. */
export const guardMark: unique symbol = Symbol.for('fastify-entra.guard')

/** On a function that creates guards. */
export const guardMakerMark: unique symbol = Symbol.for('fastify-entra.guardMaker')

/** On a Fastify instance and its children: the part of the plugin that guards use. */
export const pluginMark: unique symbol = Symbol.for('fastify-entra.plugin')

/** On the plugin's onRoute hook, which all scopes that it protects have: so those that it does not protect are known. */
export const watcherMark: unique symbol = Symbol.for('fastify-entra.watcher')

/** In a route's config: its guards, recorded when it is declared; for documents and hints, never for a decision. */
export const routeGuards: unique symbol = Symbol.for('fastify-entra.routeGuards')

/** On a Fastify instance and its children: where the metadata of protected resources is served. */
export const metadataHostMark: unique symbol = Symbol.for('fastify-entra.metadataHost')

/** On an error that determines the response to a request: the version that created it. */
export const refusalErrorMark: unique symbol = Symbol.for('fastify-entra.refusalError')

/** On a groups resolver that requires the option `downstream`. */
export const needsDownstream: unique symbol = Symbol.for('fastify-entra.needsDownstream')

/** The message for two versions in one app. */
export function versionClash(where: string, guardVersion: string, pluginVersion: string): string {
  return `${where} has a guard of fastify-entra ${guardVersion} beside the plugin of ${pluginVersion}; install one version of the package`
}
