/** `@azure/msal-node` is an optional package, loaded at registration when the option `downstream` is set. */

/** The name of the package. Not a literal type, so that no compiler and no bundler requires the package where it is imported. */
export const msalPackage: string = '@azure/msal-node'

/**
 * Loads the package before the first token is requested, as loading would count against that request's deadline. Bundlers leave the import
 * as it is, so that they need the package no more than others do (webpack: "Magic Comments", Vite: "Dynamic Import").
 */
export const loadMsal = (): Promise<typeof import('@azure/msal-node')> =>
  import(/* webpackIgnore: true */ /* @vite-ignore */ msalPackage)
