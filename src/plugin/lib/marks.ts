/**
 * Marks by which this package knows what is its own: by `Symbol.for`, so that two installed copies of one version work together, and two
 * versions can say so. Looks, such as a property of some name, are never enough.
 */

/** The version of the package, as in package.json. */
export const version = '0.1.0'

/** On a guard: the version that made it. */
export const guardMark: unique symbol = Symbol.for('fastify-entra.guard')

/** On a function that makes guards. */
export const guardMakerMark: unique symbol = Symbol.for('fastify-entra.guardMaker')

/** On a Fastify instance, and on those below it: what its guards need of the plugin. */
export const pluginMark: unique symbol = Symbol.for('fastify-entra.plugin')

/** In a route's config: its guards, noted when it is declared; for documents and hints, never for a decision. */
export const routeGuards: unique symbol = Symbol.for('fastify-entra.routeGuards')

/** On an error that says how a request is to be answered: the version that made it. */
export const refusalErrorMark: unique symbol = Symbol.for('fastify-entra.refusalError')

/** On a resolver of groups that is of no use without the option `downstream`. */
export const needsDownstream: unique symbol = Symbol.for('fastify-entra.needsDownstream')

/** One sentence for two versions that met. */
export function versionClash(where: string, guardVersion: string, pluginVersion: string): string {
  return `${where} has a guard of fastify-entra ${guardVersion} beside the plugin of ${pluginVersion}; install one version of the package`
}
