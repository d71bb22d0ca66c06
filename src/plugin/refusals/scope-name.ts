/** The name by which a client requests a scope: one place for challenges, refusals, and the OpenAPI document. */

/** Turns the short name of a scope, as tokens and guards have it, into the one that a client requests. */
export type ScopeName = (scope: string) => string

/** Scopes of another provider are requested as they are. */
export const asItIs: ScopeName = (scope) => scope

/**
 * Entra's clients request `api://…/Orders.Read` (Microsoft: "Scopes and permissions in the Microsoft identity platform"): the short name alone
 * is taken for one of Microsoft Graph (AADSTS650053).
 *
 * @param base the App ID URI; `undefined` for any other provider
 */
export function scopeNameWith(base: string | undefined): ScopeName {
  return base === undefined ? asItIs : (scope) => `${base}/${scope}`
}
