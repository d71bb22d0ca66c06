/** The API as typed functions: `api.GET('/users')` knows the path, the answer and the refusals. */
import createClient, { type Client } from 'openapi-fetch'
import { type AuthOptions, auth, type TokenSource } from './auth.js'
import type { paths } from './schema.js'

export type Api = Client<paths>

/** Named by the document's own paths, so that one that is gone does not compile. */
const publicPaths: (keyof paths)[] = ['/', '/unprotected', '/healthz', '/readyz']

/** A client of the API at an address. */
export function createApi(baseUrl: string, tokens: TokenSource, options: AuthOptions = {}): Api {
  const api = createClient<paths>({ baseUrl })
  api.use(auth(tokens, { publicPaths, ...options }))
  return api
}
