/** A middleware of openapi-fetch that sends an access token with each request, and answers what the API says about it. */
import type { Middleware } from 'openapi-fetch'
import { bearerChallenge, requestedClaims } from './challenge.js'

/** What the middleware asks for. */
export interface TokenRequest {
  /** A token that the API refused: it must be another one. */
  readonly refused?: string
  /** What the token must show, as JSON: the parameter `claims` of the token request (OpenID Connect Core §5.5). */
  readonly claims?: string
}

/** Gives an access token for the API: one it holds, while that is good. Rejects where there is none to be had. */
export type TokenSource = (request: TokenRequest) => Promise<string>

export interface AuthOptions {
  /** Paths, as in the document, that need no token. */
  readonly publicPaths?: readonly string[]
  /** How long to wait, in seconds, when the API says 503 and when to come back. Anything longer is the caller's to decide. */
  readonly maxWaitSeconds?: number
}

/** Those that may be sent twice (RFC 9110 §9.2.2). A 401 comes before anything is done, so it does not ask. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/**
 * Makes the middleware. A request is sent a second time, and never a third, when the API answers
 *
 * - 401 `insufficient_claims`: with a token for the claims of the challenge;
 * - 401 `invalid_token`: with another token;
 * - 503 with `Retry-After`: after that time, where it is short.
 */
export function auth(tokens: TokenSource, { publicPaths = [], maxWaitSeconds = 5 }: AuthOptions = {}): Middleware {
  const copies = new WeakMap<Request, Request>()

  return {
    async onRequest({ request, schemaPath }) {
      if (publicPaths.includes(schemaPath)) return
      setToken(request, await tokens({}))
      // A body can be read once only, so the second request is set aside before the first is sent.
      copies.set(request, request.clone())
    },

    async onResponse({ request, response, options }) {
      const copy = copies.get(request)
      const next = copy && (await secondRequest(copy, response))
      if (!next) return
      await response.body?.cancel()
      return options.fetch(next)
    }
  }

  async function secondRequest(copy: Request, response: Response): Promise<Request | undefined> {
    if (response.status === 503) return (await waited(copy, response)) ? copy : undefined
    if (response.status !== 401) return undefined
    const challenge = bearerChallenge(response.headers.get('www-authenticate'))
    const claims = requestedClaims(challenge)
    if (claims === undefined && challenge.error !== 'invalid_token') return undefined
    const refused = tokenOf(copy)
    setToken(copy, await tokens(claims === undefined ? { refused } : { refused, claims }))
    return copy
  }

  /** Waits for as long as the API asks; says whether that was worth it. */
  async function waited({ method }: Request, { headers }: Response): Promise<boolean> {
    const seconds = Number(headers.get('retry-after') ?? Number.NaN)
    if (!(seconds <= maxWaitSeconds) || !idempotent.has(method)) return false
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    return true
  }
}

function setToken(request: Request, token: string): void {
  request.headers.set('authorization', `Bearer ${token}`)
}

function tokenOf(request: Request): string {
  return String(request.headers.get('authorization')).slice('Bearer '.length)
}
