/** An administrator's decisions about permissions of the API for other APIs on behalf of users; they can change while the tenant runs. */
export class Policies {
  readonly #withheld = new Set<string>()
  readonly #authContexts = new Map<string, string>()

  /** Grants a delegated permission to the API, or revokes it. All are granted at the start. */
  consent(scope: string, granted: boolean): void {
    if (granted) this.#withheld.delete(scope)
    else this.#withheld.add(scope)
  }

  hasConsent(scope: string): boolean {
    return !this.#withheld.has(scope)
  }

  /**
   * Requires an authentication context of a user before the API gets a permission for that user; an empty one removes the requirement
   * (Microsoft: "Conditional Access: Cloud apps, actions, and authentication context").
   */
  require(username: string, scope: string, authContext: string): void {
    this.#authContexts.set(`${username} ${scope}`, authContext)
  }

  /** The first context that these permissions require and the user has not satisfied. */
  missing(username: string, scopes: readonly string[], proved: readonly string[]): string | undefined {
    const needed = scopes.map((scope) => this.#authContexts.get(`${username} ${scope}`) || undefined)
    return needed.find((context) => context !== undefined && !proved.includes(context))
  }
}
