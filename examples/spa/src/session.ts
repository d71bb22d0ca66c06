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
  /** MSAL had it already; else the tenant was asked, and the user was not. */
  readonly fromCache: boolean
  readonly expiresOn: Date | null
}

/** What a redirect was for; MSAL hands it back with the answer. */
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
   * Starts MSAL, and takes the answer of a sign-in that led to this page.
   *
   * @throws AuthError when the tenant refused the sign-in
   */
  static async start({ auth, api }: Settings): Promise<Session> {
    const client = await createStandardPublicClientApplication({
      auth: {
        ...auth,
        redirectUri: `${location.origin}/login/callback`,
        postLogoutRedirectUri: `${location.origin}/`,
        // "We understand claims challenges": without it, the API can only refuse (Microsoft: "Client capabilities").
        clientCapabilities: ['CP1']
      },
      // Of this tab, and gone with it. Memory would forget the user at each redirect and reload, and would then rest on
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

  /** Whether the next call is the one that a step up was for. A challenge is then an answer, and no reason to leave again. */
  takeStepUp(): boolean {
    const hasSteppedUp = this.#hasSteppedUp
    this.#hasSteppedUp = false
    return hasSteppedUp
  }

  /** Leaves for the tenant's sign-in page, and comes back to `page` of this app. */
  signIn(page: string): Promise<never> {
    return this.#leave(page)
  }

  /** Leaves for a stronger sign-in, which the API asked for with these claims, and comes back to the page that is open. */
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
   * An access token for the API: MSAL's own, or a renewed one, without asking the user. Where the tenant wants the user,
   * the app leaves for it and comes back to the page that is open.
   *
   * @param renew asks for a new one even where the present one has not expired
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
    // The browser is on its way; nothing of this page is to go on.
    return new Promise<never>(() => {})
  }
}
