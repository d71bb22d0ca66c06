/** The official client of the Model Context Protocol, for a user who signs in at the embedded tenant without a browser. */
import {
  Client,
  type OAuthClientProvider,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError
} from '@modelcontextprotocol/client'
import { createBrowser } from '../../src/tenant/client.js'
import type { Tenant } from '../../src/tenant/index.js'

/** What the client did, in order: the status of each answer of the server, and the scopes of each sign-in. */
export type Step = number | { readonly signIn: string }

const redirectUrl = 'http://localhost:5173/callback'

/** Knows its client ID, as Entra has no dynamic registration; all else it learns from the server's URL. */
class SignIn implements OAuthClientProvider {
  readonly redirectUrl = redirectUrl
  readonly clientMetadata = { redirect_uris: [redirectUrl] }
  /** Where the person ended who signed in last. */
  callback = new URLSearchParams()
  readonly #clientId: string
  readonly #signIn: (url: URL) => Promise<URLSearchParams>
  #tokens: StoredOAuthTokens | undefined
  #verifier = ''

  constructor(clientId: string, signIn: (url: URL) => Promise<URLSearchParams>) {
    this.#clientId = clientId
    this.#signIn = signIn
  }

  clientInformation(): StoredOAuthClientInformation {
    return { client_id: this.#clientId }
  }

  tokens(): StoredOAuthTokens | undefined {
    return this.#tokens
  }

  saveTokens(tokens: StoredOAuthTokens): void {
    this.#tokens = tokens
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  codeVerifier(): string {
    return this.#verifier
  }

  async redirectToAuthorization(url: URL): Promise<void> {
    this.callback = await this.#signIn(url)
  }
}

/** A client that signs its user in when the server asks for it. */
export interface Assistant {
  readonly client: Client
  readonly steps: readonly Step[]
  /** Does what it is given, once more after a sign-in. */
  whileSigningIn<Result>(what: () => Promise<Result>): Promise<Result>
}

/** Connects to the server at a URL, of which it knows nothing else. */
export async function connect(tenant: Tenant, url: string, username: string): Promise<Assistant> {
  const steps: Step[] = []
  const browse = createBrowser(tenant.origin)
  const { clientId = '' } = tenant.description.clients.find(({ name }) => name === 'spa') ?? {}
  const provider = new SignIn(clientId, async (authorization) => {
    steps.push({ signIn: authorization.searchParams.get('scope') ?? '' })
    const page = await browse(authorization.href)
    const end = page.text ? await browse(page.url, new URLSearchParams({ username })) : page
    return new URL(end.url).searchParams
  })
  const noted: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (String(input) === url) steps.push(response.status)
    return response
  }
  const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: provider, fetch: noted })
  let current = transport()
  const client = new Client({ name: 'assistant', version: '1.0.0' })
  const whileSigningIn: Assistant['whileSigningIn'] = async (what) => {
    try {
      return await what()
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error
      await current.finishAuth(provider.callback)
      return what()
    }
  }
  await whileSigningIn(async () => {
    current = transport()
    await client.connect(current)
  })
  return { client, steps, whileSigningIn }
}
