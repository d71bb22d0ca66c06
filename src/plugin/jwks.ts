/** Stage 2b's material: a key set as published → the keys that may verify a token. Pure but for get-jwks' PEMs. */
import { createPublicKey } from 'node:crypto'
import buildGetJwks, { type JWK } from 'get-jwks'

/** A public key that passed every check, ready for the verifier. */
export interface VerificationKey {
  readonly kid: string
  /** Always the same string object for the same key, so that the verifier built for it is found again. */
  readonly pem: string
  /** Entra's `issuer` member: the one issuer that this key signs for, or a template with `{tenantid}`. */
  readonly issuer?: string
}

/** A key set by `kid`, and how many of its entries were no usable keys. */
export interface KeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  readonly dropped: number
}

type Jwk = Readonly<Record<string, unknown>> & { readonly kid: string }

/** RSA below 2048 bits is weak (RFC 7518 §3.3: "MUST"); the exponent's floor is NIST's (FIPS 186-5, A.1.1). */
const minModulusBits = 2048
const minExponent = 65537
/** A `kid` longer than this is no key ID. Entra's have 27 characters. */
const maxKidLength = 256
const maxKeys = 256
/** RFC 7518 §6.3.2, §6.4.1: a private key that was published proves nothing any more. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

/**
 * Turns a JWK Set (RFC 7517 §5) into keys. One bad entry never drops the rest.
 *
 * @throws Error when the document is no key set, or no usable key is in it
 */
export async function toKeySet(document: unknown, issuer: string): Promise<KeySet> {
  const entries = (document as { keys?: unknown } | null)?.keys
  if (!Array.isArray(entries)) throw new Error('the key set has no "keys" array')
  if (entries.length > maxKeys) throw new Error(`the key set has more than ${maxKeys} keys`)
  const toPem = pemMaker(entries.length, issuer)
  const made = await Promise.all(entries.filter(isSignatureKey).map((jwk) => toVerificationKey(jwk, toPem)))
  const usable = withoutClashes(made.filter((key) => key !== undefined))
  const keys = new Map(usable.map((key) => [key.kid, key]))
  if (keys.size === 0) throw new Error('the key set has no usable key')
  return { keys, dropped: entries.length - keys.size }
}

/** An RSA public key for signatures, with a name. RFC 7517 §4: `use`, `key_ops` and `alg` narrow; absent says nothing. */
function isSignatureKey(entry: unknown): entry is Jwk {
  if (typeof entry !== 'object' || entry === null) return false
  const { kid, kty, use = 'sig', key_ops = ['verify'], alg = 'RS256' } = entry as Record<string, unknown>
  return (
    typeof kid === 'string' &&
    kid.length > 0 &&
    kid.length <= maxKidLength &&
    kty === 'RSA' &&
    use === 'sig' &&
    Array.isArray(key_ops) &&
    key_ops.includes('verify') &&
    alg === 'RS256' &&
    !secretMembers.some((name) => Object.hasOwn(entry, name))
  )
}

/** Two different keys under one `kid`: nobody can say which is meant, so neither counts. The same key twice is one. */
function withoutClashes(keys: readonly VerificationKey[]): VerificationKey[] {
  const same = (a: VerificationKey, b: VerificationKey) => a.pem === b.pem && a.issuer === b.issuer
  return keys.filter((key) => keys.every((other) => other.kid !== key.kid || same(other, key)))
}

/**
 * get-jwks as a PEM maker: a fresh instance for each set, primed through its public cache, and any fetch that it would
 * start is aborted before it begins. In the request's path it would fetch by itself and serve withdrawn keys.
 */
function pemMaker(count: number, issuer: string): (jwk: Jwk) => Promise<string> {
  const domain = issuer.endsWith('/') ? issuer : `${issuer}/`
  const getJwks = buildGetJwks({ max: count + 1, fetchOptions: { signal: AbortSignal.abort() } })
  return (jwk) => {
    const name = { domain, alg: 'RS256', kid: jwk.kid }
    getJwks.cache.set(getJwks.generateCacheKey(name.alg, name.kid, domain), { ...jwk, ...name } as JWK)
    return getJwks.getPublicKey(name)
  }
}

async function toVerificationKey(jwk: Jwk, toPem: (jwk: Jwk) => Promise<string>): Promise<VerificationKey | undefined> {
  try {
    const pem = await toPem(jwk)
    const { asymmetricKeyDetails: details } = createPublicKey(pem)
    const strong = Number(details?.modulusLength) >= minModulusBits && Number(details?.publicExponent) >= minExponent
    if (!strong) return undefined
    return Object.freeze({ kid: jwk.kid, pem, ...(typeof jwk.issuer === 'string' && { issuer: jwk.issuer }) })
  } catch {
    return undefined // an entry that is no key: the set reports how many there were
  }
}
