/** The name by which a client asks for a scope: one place for challenges, refusals, and the OpenAPI document. */

/** Turns the short name of a scope, as tokens and guards have it, into the one that a client asks for. */
export type ScopeName = (scope: string) => string

/** Another provider's scopes are asked for as they are. */
export const asItIs: ScopeName = (scope) => scope

/**
 * Entra's clients ask for `api://…/Orders.Read` (Microsoft: "Scopes and permissions in the Microsoft identity platform"): the short name alone
 * is taken for one of Microsoft Graph (AADSTS650053).
 *
 * @param base the App ID URI; `undefined` for any other provider
 */
export function scopeNameWith(base: string | undefined): ScopeName {
  return base === undefined ? asItIs : (scope) => `${base}/${scope}`
}
