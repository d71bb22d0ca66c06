/** What a refusal requires: `WWW-Authenticate` of RFC 6750 §3, with the `claims` of Entra's claims challenges. */

const parameter = /([a-z_]+)="((?:[^"\\]|\\.)*)"/gi

/** The parameters of a `Bearer` challenge; none where there is no challenge. */
export function challengeParameters(header: string | null): ReadonlyMap<string, string> {
  if (!header?.startsWith('Bearer ')) return new Map()
  return new Map(
    [...header.matchAll(parameter)].map(([, name = '', value = '']) => [name, value.replace(/\\(.)/g, '$1')])
  )
}

/**
 * The claims that a new token must have, as the JSON that MSAL sends on (Microsoft: "Claims challenges, claims requests and client
 * capabilities"). They come as base64.
 */
export function claimsOf(parameters: ReadonlyMap<string, string>): string | undefined {
  const claims = parameters.get('claims')
  if (parameters.get('error') !== 'insufficient_claims' || claims === undefined) return undefined
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(claims), (character) => character.charCodeAt(0)))
  } catch {
    return undefined
  }
}
