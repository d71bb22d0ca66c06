/** Stage 2a: issuer → discovery document, checked. OpenID Connect Discovery §4. */
import type { FetchJson } from '../lib/json-client.js'

/** Where a document is, and which issuer it must name. */
export interface MetadataSource {
  readonly url: string
  /** The exact issuer, or its pattern if only the document names it (a tenant configured by its domain). */
  readonly issuer: string | RegExp
  /** Origin of the key set, if it is not that of the document. */
  readonly keysOrigin?: string | undefined
  /** The option that sets it, for a message; Entra has none. */
  readonly keysOption?: string
  /** Where clients find the document, if not at `url`: what this API says of it in public. */
  readonly publicUrl?: string
  /** Origin of the endpoints that clients use, where it is not that of the document. */
  readonly endpointsOrigin?: string
}

/** What this API uses of a discovery document. */
export interface Metadata {
  readonly issuer: string
  readonly jwksUri: string
  /** `undefined` if there is none on the authority's own origin. */
  readonly authorizationEndpoint: string | undefined
  readonly tokenEndpoint: string | undefined
  /** `cloud_instance_name`: which of Microsoft's clouds it is; of any other provider `undefined`. */
  readonly cloudInstance: string | undefined
}

/** The document names another issuer than the configured one: a mistake in the configuration, not an outage. */
export class MetadataMismatchError extends Error {
  override readonly name = 'MetadataMismatchError'
}

/**
 * Fetches and checks a discovery document.
 *
 * @param purpose as {@link FetchJson} takes it
 * @throws MetadataMismatchError when `issuer` is not the expected one (OpenID Connect Discovery §4.3)
 * @throws Error when there is no response, or it is not a discovery document
 */
export async function fetchMetadata(fetchJson: FetchJson, source: MetadataSource, purpose?: object): Promise<Metadata> {
  const document = await fetchJson(source.url, purpose)
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new Error('the discovery document is not a JSON object')
  const { issuer, jwks_uri, authorization_endpoint, token_endpoint, cloud_instance_name } = document as Record<
    string,
    unknown
  >
  if (typeof issuer !== 'string' || !matches(issuer, source.issuer)) {
    const expected = typeof source.issuer === 'string' ? source.issuer : `one like ${source.issuer.source}`
    throw new MetadataMismatchError(
      `the discovery document names the issuer ${String(JSON.stringify(issuer)).slice(0, 200)}, not ${expected}`
    )
  }
  const { origin } = new URL(source.url)
  const { keysOrigin = origin, endpointsOrigin = origin, keysOption } = source
  return Object.freeze({
    issuer,
    jwksUri: requiredOn(keysOrigin, jwks_uri, keysOption),
    authorizationEndpoint: on(endpointsOrigin, authorization_endpoint),
    tokenEndpoint: on(endpointsOrigin, token_endpoint),
    cloudInstance: typeof cloud_instance_name === 'string' ? cloud_instance_name : undefined
  })
}

function matches(issuer: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? issuer === expected : expected.test(issuer)
}

/**
 * Keys are fetched from the configured host, and secrets sent to it, and to no other: a document cannot redirect the API.
 * Compared by prefix, as a `blob:` URL has the origin of the URL inside it.
 */
function on(origin: string, url: unknown): string | undefined {
  const isThere = typeof url === 'string' && URL.canParse(url) && new URL(url).href.startsWith(`${origin}/`)
  return isThere ? url : undefined
}

function requiredOn(origin: string, jwksUri: unknown, option: string | undefined): string {
  const there = on(origin, jwksUri)
  if (there !== undefined) return there
  const found = typeof jwksUri === 'string' && URL.canParse(jwksUri) ? new URL(jwksUri).origin.slice(0, 200) : undefined
  const isElsewhere = found !== undefined && found !== origin && found !== 'null'
  const fix = option ? `; if the provider's keys are there, set ${option} to it` : ''
  const elsewhere = isElsewhere ? `, but on ${found}${fix}` : ''
  throw new Error(`the discovery document's jwks_uri is not on ${origin}${elsewhere}`)
}
