/** Stage 2b: parses a published key set into the keys that may verify a token. Pure except for get-jwks' PEMs. */
import { createPublicKey } from 'node:crypto'
import buildGetJwks, { type JWK } from 'get-jwks'

/** The algorithms of an RSA key (RFC 7518 §3.3, §3.5). */
const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
/** Each curve has one algorithm (RFC 7518 §3.4, RFC 8037 §3.1). */
const curves = [
  { kty: 'EC', crv: 'P-256', algorithm: 'ES256' },
  { kty: 'EC', crv: 'P-384', algorithm: 'ES384' },
  { kty: 'EC', crv: 'P-521', algorithm: 'ES512' },
  { kty: 'OKP', crv: 'Ed25519', algorithm: 'EdDSA' }
] as const

/** A signature algorithm by its name in JOSE. */
export type Algorithm = (typeof rsaAlgorithms)[number] | (typeof curves)[number]['algorithm']

/** All supported algorithms: neither symmetric ones, with which anyone could sign by a published key, nor `none`. */
export const algorithmNames: readonly Algorithm[] = [...rsaAlgorithms, ...curves.map(({ algorithm }) => algorithm)]

/** A public key that passed all checks, ready for the verifier. */
export interface VerificationKey {
  readonly kid: string
  /** Always the same string object for the same key, so that its verifier is reused. */
  readonly pem: string
  /** What it may verify: the algorithms of its kind, restricted by its own `alg` and by those accepted from its issuer. */
  readonly algorithms: readonly Algorithm[]
  /** Entra's `issuer` member: the one issuer that this key signs for, or a template with `{tenantid}`. */
  readonly issuer?: string
}

/** A key set by `kid`, and the number of its unusable entries. */
export interface KeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  readonly dropped: number
}

/** The issuer of the keys, and what they may verify. */
export interface KeySetSource {
  readonly issuer: string
  readonly algorithms: readonly Algorithm[]
  /** The Microsoft cloud that the issuer names. */
  readonly cloudInstance?: string | undefined
}

type Jwk = Readonly<Record<string, unknown>> & { readonly kid: string }

/** RSA below 2048 bits is weak (RFC 7518 §3.3: "MUST"); the exponent's floor is NIST's (FIPS 186-5, A.1.1). */
const minModulusBits = 2048
const minExponent = 65537
/** A longer `kid` is not accepted. Entra's have 27 characters. */
const maxKidLength = 256
const maxKeys = 256
/** RFC 7518 §6.2.2, §6.3.2, §6.4.1: a published private key proves nothing. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

/**
 * Parses a JWK Set (RFC 7517 §5) into keys. An invalid entry never invalidates the others.
 *
 * @throws Error when the document is not a key set, or contains no usable key
 */
export async function toKeySet(document: unknown, source: KeySetSource): Promise<KeySet> {
  const { issuer, algorithms, cloudInstance } = source
  const entries = (document as { keys?: unknown } | null)?.keys
  if (!Array.isArray(entries)) throw new Error('the key set has no "keys" array')
  if (entries.length > maxKeys) throw new Error(`the key set has more than ${maxKeys} keys`)
  const toPem = pemMaker(entries.length, issuer)
  const candidates = entries.filter(isSignatureKey).filter((jwk) => isOfCloud(jwk, cloudInstance))
  const made = await Promise.all(candidates.map((jwk) => toVerificationKey(jwk, algorithms, toPem)))
  const usable = withoutClashes(made.filter((key) => key !== undefined))
  const keys = new Map(usable.map((key) => [key.kid, key]))
  if (keys.size === 0) throw new Error('the key set has no usable key')
  return { keys, dropped: entries.length - keys.size }
}

/** A set that reuses the objects of unchanged keys of the previous set, so that verifiers built with them stay valid. */
export function reuseUnchangedKeys({ keys, dropped }: KeySet, before: KeySet | undefined): KeySet {
  const kept = [...keys].map(([kid, key]) => {
    const old = before?.keys.get(kid)
    return [kid, old && JSON.stringify(old) === JSON.stringify(key) ? old : key] as const
  })
  return { keys: new Map(kept), dropped }
}

/** A public key for signatures, with a name. RFC 7517 §4: `use` and `key_ops` restrict a key; absent, they restrict nothing. */
function isSignatureKey(entry: unknown): entry is Jwk {
  if (typeof entry !== 'object' || entry === null) return false
  const { kid, use = 'sig', key_ops = ['verify'] } = entry as Record<string, unknown>
  return (
    typeof kid === 'string' &&
    kid.length > 0 &&
    kid.length <= maxKidLength &&
    use === 'sig' &&
    Array.isArray(key_ops) &&
    key_ops.includes('verify') &&
    !secretMembers.some((name) => Object.hasOwn(entry, name))
  )
}

/**
 * The public cloud also publishes keys of other clouds, under its own issuer. They are not accepted (Microsoft's IdentityModel validators
 * compare the names as well, IDX40012).
 */
function isOfCloud({ cloud_instance_name }: Jwk, cloudInstance: string | undefined): boolean {
  return cloudInstance === undefined || cloud_instance_name === undefined || cloud_instance_name === cloudInstance
}

/** The algorithms of a key of this kind; its own `alg` (RFC 7517 §4.4) restricts them to one, or none. */
function algorithmsOf({ kty, crv, alg }: Jwk): readonly Algorithm[] {
  const ofCurve = curves.filter((curve) => curve.kty === kty && curve.crv === crv).map(({ algorithm }) => algorithm)
  const able: readonly Algorithm[] = kty === 'RSA' ? rsaAlgorithms : ofCurve
  return alg === undefined ? able : able.filter((name) => name === alg)
}

/** Two different keys with one `kid` are ambiguous, so neither is used. The same key twice counts as one. */
function withoutClashes(keys: readonly VerificationKey[]): VerificationKey[] {
  const same = (a: VerificationKey, b: VerificationKey) => a.pem === b.pem && a.issuer === b.issuer
  return keys.filter((key) => keys.every((other) => other.kid !== key.kid || same(other, key)))
}

/**
 * Uses get-jwks only to make PEMs: a new instance for each set, primed through its public cache, with any fetch aborted before it begins.
 * In the request path it would fetch by itself and return withdrawn keys.
 */
function pemMaker(count: number, issuer: string): (jwk: Jwk) => Promise<string> {
  const domain = issuer.endsWith('/') ? issuer : `${issuer}/`
  const getJwks = buildGetJwks({ max: count + 1, fetchOptions: { signal: AbortSignal.abort() } })
  return (jwk) => {
    const name = { domain, alg: 'any', kid: jwk.kid }
    getJwks.cache.set(getJwks.generateCacheKey(name.alg, name.kid, domain), { ...jwk, ...name } as JWK)
    return getJwks.getPublicKey(name)
  }
}

async function toVerificationKey(
  jwk: Jwk,
  allowed: readonly Algorithm[],
  toPem: (jwk: Jwk) => Promise<string>
): Promise<VerificationKey | undefined> {
  const algorithms = algorithmsOf(jwk).filter((name) => allowed.includes(name))
  if (algorithms.length === 0) return undefined
  try {
    const pem = jwk.kty === 'OKP' ? pemOfOkp(jwk) : await toPem(jwk)
    if (jwk.kty === 'RSA' && isWeak(pem)) return undefined
    return Object.freeze({
      kid: jwk.kid,
      pem,
      algorithms,
      ...(typeof jwk.issuer === 'string' && { issuer: jwk.issuer })
    })
  } catch {
    return undefined // an entry that is not a key: the set reports their number
  }
}

/** get-jwks' PEMs come from jwk-to-pem, which supports RSA and EC, but not RFC 8037's keys. */
function pemOfOkp(jwk: Jwk): string {
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()
}

function isWeak(pem: string): boolean {
  const { asymmetricKeyDetails: details } = createPublicKey(pem)
  return !(Number(details?.modulusLength) >= minModulusBits && Number(details?.publicExponent) >= minExponent)
}
