/** Who is signed in, and tokens for the API. Everything that MSAL does for the app is here. */
import {
  type AccountInfo,
  createStandardPublicClientApplication,
  InteractionRequiredAuthError,
  type IPublicClientApplication
} from '@azure/msal-browser'
import type { Settings } from './settings.js'

/** An access token, and what the page may show of it. */
export interface Token {
  readonly value: string
  /** True if MSAL had it already; otherwise the tenant issued it without involving the user. */
  readonly fromCache: boolean
  readonly expiresOn: Date | null
}

/** The purpose of a redirect; MSAL returns it with the response. */
const steppedUp = 'stepped-up'

export class Session {
  readonly #client: IPublicClientApplication
  readonly #scopes: string[]
  #hasSteppedUp: boolean

  private constructor(client: IPublicClientApplication, scopes: string[], state: string | undefined) {
    this.#client = client
    this.#scopes = scopes
    this.#hasSteppedUp = state === steppedUp
  }

  /**
   * Starts MSAL, and handles the response of a sign-in that led to this page.
   *
   * @throws AuthError when the tenant refused the sign-in
   */
  static async start({ auth, api }: Settings): Promise<Session> {
    const client = await createStandardPublicClientApplication({
      auth: {
        ...auth,
        redirectUri: `${location.origin}/login/callback`,
        postLogoutRedirectUri: `${location.origin}/`,
        // Declares support for claims challenges: without it, the API can only refuse (Microsoft: "Client capabilities").
        clientCapabilities: ['CP1']
      },
      // Ends with the tab. In memory, tokens would be lost at each redirect and reload, and renewal would depend on
      // cookies in frames, which browsers block; localStorage is shared by all tabs and outlives them. No storage keeps
      // tokens from a script that runs in this page: the content-security policy keeps such scripts out.
      cache: { cacheLocation: 'sessionStorage' }
    })
    const answer = await client.handleRedirectPromise()
    if (answer) client.setActiveAccount(answer.account)
    return new Session(client, api.scopes, answer?.state)
  }

  get account(): AccountInfo | null {
    return this.#client.getActiveAccount()
  }

  /** Whether the next call is the one that a step-up was for. Another challenge is then shown, and does not start a new step-up. */
  takeStepUp(): boolean {
    const hasSteppedUp = this.#hasSteppedUp
    this.#hasSteppedUp = false
    return hasSteppedUp
  }

  /** Leaves for the tenant's sign-in page, and comes back to `page` of this app. */
  signIn(page: string): Promise<never> {
    return this.#leave(page)
  }

  /** Leaves for a stronger sign-in, which the API required with these claims, and comes back to the open page. */
  stepUp(claims: string): Promise<never> {
    return this.#leave(location.href, claims)
  }

  /** Ends the session here and at the tenant. No `id_token_hint`: it would put a token into a URL. */
  async signOut(): Promise<void> {
    const { account } = this
    await this.#client.clearCache() // everything, not only what MSAL files under this account
    await this.#client.logoutRedirect({ account })
  }

  /**
   * An access token for the API: a cached or a renewed one, without involving the user. If the tenant requires the user to sign in, the app
   * leaves for its page and comes back to the open page.
   *
   * @param renew requests a new one even if the present one has not expired
   */
  async token({ renew = false } = {}): Promise<Token> {
    try {
      const { accessToken, fromCache, expiresOn } = await this.#client.acquireTokenSilent({
        scopes: this.#scopes,
        forceRefresh: renew
      })
      return { value: accessToken, fromCache, expiresOn }
    } catch (error) {
      if (error instanceof InteractionRequiredAuthError) return this.#leave(location.href)
      throw error
    }
  }

  async #leave(page: string, claims?: string): Promise<never> {
    const { account } = this
    await this.#client.acquireTokenRedirect({
      scopes: this.#scopes,
      redirectStartPage: new URL(page, location.origin).href,
      ...(account && { account }),
      ...(claims !== undefined && { claims, state: steppedUp })
    })
    // The browser is leaving; no code of this page may continue.
    return new Promise<never>(() => {})
  }
}
