/** The forms of a fixture: what a product publishes, by its URL, and the tokens that it signs. */

/** A JSON object, such as a document or a payload. */
export type Json = Readonly<Record<string, unknown>>

/** Facts about a product, and where they are from. */
export interface Facts {
  /** URLs, files of public repositories, or packages with their version. */
  readonly source: readonly string[]
  /** When it was read. */
  readonly date: string
  /** What no source says, and how it was filled in. */
  readonly inferred?: readonly string[]
}

/**
 * A key pair of the test. A product signs with `current`; `beside` is published with it for another issuer, `otherCloud` for
 * another cloud; nobody publishes `stranger`.
 */
export type Pair = 'current' | 'beside' | 'otherCloud' | 'stranger'
export const pairs: readonly Pair[] = ['current', 'beside', 'otherCloud', 'stranger']

/** An entry of a key set: what stands beside `kty`, `n` and `e`, in the product's own form. */
export interface PublishedKey {
  readonly pair: Pair
  readonly members: Json & { readonly kid: string }
}

/** A token before it is signed. `iat` and `exp` are added; a claim that is `'now'` becomes the time. */
export interface Unsigned {
  readonly header: Json
  readonly claims: Json
}

/** What a product publishes, and what it signs. */
export interface Product extends Facts {
  /** Discovery documents by URL. What is at no URL here is answered with 404. */
  readonly documents: Readonly<Record<string, Json>>
  /** Key sets by URL. */
  readonly keySets: Readonly<Record<string, readonly PublishedKey[]>>
  /** Tokens by what they are. */
  readonly tokens: Readonly<Record<string, Unsigned>>
}

/** A token as it is sent: one of the product's, perhaps with something changed. `undefined` takes a member out. */
export interface Sent {
  readonly token: string
  readonly claims?: Json
  readonly header?: Json
  /** Who signs. Default: `current`. */
  readonly pair?: Pair
}

/** A token that passes, and what must be in the principal. Lists are compared without their order. */
export interface Passes extends Sent {
  readonly principal: Json
}

/** A token that is refused. */
export interface Refused extends Sent {
  /** Default: 401. */
  readonly status?: 401 | 403
  readonly code: string
}

/** A product under test. */
export interface Entry {
  readonly product: Product
  /** All that the server is told. */
  readonly env: Readonly<Record<string, string>>
  /** Tokens by what is said of them. */
  readonly passes: Readonly<Record<string, Passes>>
  readonly refuses: Readonly<Record<string, Refused>>
}

/** The day on which the sources were read. */
export const date = '2026-11-21'
