/** Calls of the API with the service's token. */
import type { Tokens } from './tokens.js'

/**
 * GETs a path of the API.
 *
 * A 401 says that the API no longer takes this token, whatever its `exp` says: it was revoked, or signed with a key that is gone.
 * So a new one is asked for, once. A second 401 has another reason, which a third request would not mend.
 *
 * @throws Error with what the API said, where it is no 200
 */
export async function get(apiUrl: string, path: string, tokens: Tokens): Promise<unknown> {
  let response = await send(apiUrl + path, await tokens())
  if (response.status === 401) {
    await response.body?.cancel()
    response = await send(apiUrl + path, await tokens({ fresh: true }))
  }
  const body = (await response.json()) as Record<string, unknown>
  // A refusal is a problem (RFC 9457): `detail` says what to change.
  if (!response.ok) throw new Error(`${path}: ${response.status} ${body.code}: ${body.detail}`)
  return body
}

function send(url: string, token: string): Promise<Response> {
  return fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(10_000) })
}
