/** Which tenant, which client and which API: read at start, so that one build runs in every environment. */
import type { BrowserAuthOptions } from '@azure/msal-browser'

export interface Settings {
  /** The app's registration, as MSAL takes it. */
  readonly auth: Pick<BrowserAuthOptions, 'clientId' | 'authority' | 'knownAuthorities' | 'authorityMetadata'>
  readonly api: {
    /** Origin of the API. */
    readonly url: string
    /** Scopes that the app requests, as `api://{client ID}/{scope}`. */
    readonly scopes: string[]
  }
}

/** Reads `/config.json` of the app's own origin: nobody else can say where tokens go. */
export async function loadSettings(): Promise<Settings> {
  const response = await fetch('/config.json', { cache: 'no-cache' })
  if (!response.ok) throw new Error(`/config.json: the response is ${response.status}`)
  return (await response.json()) as Settings
}
