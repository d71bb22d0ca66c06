/** `WWW-Authenticate`, read: what a client is asked for with a 401 (RFC 9110 §11.6.1, RFC 6750 §3). */

/** The parameters of the Bearer challenge; none where there is no such challenge. */
export function bearerChallenge(header: string | null): Readonly<Record<string, string>> {
  // A gateway may add challenges of its own schemes, in the same header.
  const parameter = /(?:([\w-]+)\s+)?([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/g
  const parameters: Record<string, string> = {}
  let scheme = ''
  for (const [, nextScheme, name = '', quoted, plain = ''] of (header ?? '').matchAll(parameter)) {
    scheme = nextScheme ?? scheme
    if (scheme.toLowerCase() === 'bearer') parameters[name] = quoted?.replace(/\\(.)/g, '$1') ?? plain
  }
  return parameters
}

/**
 * The claims that a new token must show (Microsoft: "Claims challenges, claims requests and client capabilities"), as the JSON that
 * goes into the request for it. `undefined` where the challenge asks for none, or for nothing that can be read.
 */
export function requestedClaims({ error, claims = '' }: Readonly<Record<string, string>>): string | undefined {
  if (error !== 'insufficient_claims') return undefined
  try {
    const json = atob(claims)
    JSON.parse(json)
    return json
  } catch {
    return undefined
  }
}
