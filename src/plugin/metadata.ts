/** Stage 2a: issuer → discovery document, checked. OpenID Connect Discovery §4. */
import type { FetchJson } from './types.js'

/** Where a document is, and which issuer it must name. */
export interface MetadataSource {
  readonly url: string
  /** The exact issuer, or what it must look like where only the document can say (a tenant named by its domain). */
  readonly issuer: string | RegExp
}

/** What this API uses of a discovery document. */
export interface Metadata {
  readonly issuer: string
  readonly jwksUri: string
  /** `undefined` where there is none on the authority's own origin. */
  readonly authorizationEndpoint: string | undefined
  readonly tokenEndpoint: string | undefined
}

/** The tenant answered, but with a document that is not its own: a matter of configuration, not of weather. */
export class MetadataMismatchError extends Error {
  override readonly name = 'MetadataMismatchError'
}

/**
 * Fetches and checks a discovery document.
 *
 * @throws MetadataMismatchError when `issuer` is not the expected one (OpenID Connect Discovery §4.3)
 * @throws Error when there is no answer, or none that is a discovery document
 */
export async function fetchMetadata(fetchJson: FetchJson, source: MetadataSource): Promise<Metadata> {
  const document = await fetchJson(source.url)
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new Error('the discovery document is no JSON object')
  const { issuer, jwks_uri, authorization_endpoint, token_endpoint } = document as Record<string, unknown>
  if (typeof issuer !== 'string' || !matches(issuer, source.issuer)) {
    const expected = typeof source.issuer === 'string' ? source.issuer : `one like ${source.issuer.source}`
    throw new MetadataMismatchError(
      `the discovery document names the issuer ${String(JSON.stringify(issuer)).slice(0, 200)}, not ${expected}`
    )
  }
  return Object.freeze({
    issuer,
    jwksUri: required(onSameOrigin(jwks_uri, source.url), source.url),
    authorizationEndpoint: onSameOrigin(authorization_endpoint, source.url),
    tokenEndpoint: onSameOrigin(token_endpoint, source.url)
  })
}

function matches(issuer: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? issuer === expected : expected.test(issuer)
}

/**
 * Keys come from the host that was configured, secrets go to it, and no other: a document cannot send the API elsewhere.
 * By prefix, as a `blob:` URL has the origin of what is inside.
 */
function onSameOrigin(url: unknown, metadataUrl: string): string | undefined {
  const { origin } = new URL(metadataUrl)
  const isThere = typeof url === 'string' && URL.canParse(url) && new URL(url).href.startsWith(`${origin}/`)
  return isThere ? url : undefined
}

function required(jwksUri: string | undefined, metadataUrl: string): string {
  if (jwksUri !== undefined) return jwksUri
  throw new Error(`the discovery document's jwks_uri is not on ${new URL(metadataUrl).origin}`)
}
