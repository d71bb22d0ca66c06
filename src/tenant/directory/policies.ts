/** What an administrator decides about what the API gets from other APIs for its users; changed while the tenant runs. */
export class Policies {
  readonly #withheld = new Set<string>()
  readonly #authContexts = new Map<string, string>()

  /** Grants a delegated permission to the API, as all are at the start, or takes it back. */
  consent(scope: string, granted: boolean): void {
    if (granted) this.#withheld.delete(scope)
    else this.#withheld.add(scope)
  }

  hasConsent(scope: string): boolean {
    return !this.#withheld.has(scope)
  }

  /**
   * Has a user prove an authentication context before the API gets a permission for that user; an empty one: nothing any more
   * (Microsoft: "Conditional Access: Cloud apps, actions, and authentication context").
   */
  require(username: string, scope: string, authContext: string): void {
    this.#authContexts.set(`${username} ${scope}`, authContext)
  }

  /** The first context that these permissions need and the user did not prove. */
  missing(username: string, scopes: readonly string[], proved: readonly string[]): string | undefined {
    const needed = scopes.map((scope) => this.#authContexts.get(`${username} ${scope}`) || undefined)
    return needed.find((context) => context !== undefined && !proved.includes(context))
  }
}
