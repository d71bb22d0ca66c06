/** Stage 2b's material: a key set as published → the keys that may verify a token. Pure but for get-jwks' PEMs. */
import { createPublicKey } from 'node:crypto'
import buildGetJwks, { type JWK } from 'get-jwks'

/** What an RSA key can sign with (RFC 7518 §3.3, §3.5). */
const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
/** A curve has one algorithm (RFC 7518 §3.4, RFC 8037 §3.1). */
const curves = [
  { kty: 'EC', crv: 'P-256', algorithm: 'ES256' },
  { kty: 'EC', crv: 'P-384', algorithm: 'ES384' },
  { kty: 'EC', crv: 'P-521', algorithm: 'ES512' },
  { kty: 'OKP', crv: 'Ed25519', algorithm: 'EdDSA' }
] as const

/** A signature algorithm by its name in JOSE. */
export type Algorithm = (typeof rsaAlgorithms)[number] | (typeof curves)[number]['algorithm']

/** All of them: none that is symmetric, as whoever can read a published key could then sign, and not `none`. */
export const algorithmNames: readonly Algorithm[] = [...rsaAlgorithms, ...curves.map(({ algorithm }) => algorithm)]

/** A public key that passed every check, ready for the verifier. */
export interface VerificationKey {
  readonly kid: string
  /** Always the same string object for the same key, so that the verifier built for it is found again. */
  readonly pem: string
  /** What it may verify: what such a key can, its own `alg`, and what is accepted of its issuer, all three. */
  readonly algorithms: readonly Algorithm[]
  /** Entra's `issuer` member: the one issuer that this key signs for, or a template with `{tenantid}`. */
  readonly issuer?: string
}

/** A key set by `kid`, and how many of its entries were no usable keys. */
export interface KeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  readonly dropped: number
}

/** Whose keys they are, and what they may verify. */
export interface KeySetSource {
  readonly issuer: string
  readonly algorithms: readonly Algorithm[]
  /** Which of Microsoft's clouds the issuer says it is in. */
  readonly cloudInstance?: string | undefined
}

type Jwk = Readonly<Record<string, unknown>> & { readonly kid: string }

/** RSA below 2048 bits is weak (RFC 7518 §3.3: "MUST"); the exponent's floor is NIST's (FIPS 186-5, A.1.1). */
const minModulusBits = 2048
const minExponent = 65537
/** A `kid` longer than this is no key ID. Entra's have 27 characters. */
const maxKidLength = 256
const maxKeys = 256
/** RFC 7518 §6.2.2, §6.3.2, §6.4.1: a private key that was published proves nothing any more. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

/**
 * Turns a JWK Set (RFC 7517 §5) into keys. One bad entry never drops the rest.
 *
 * @throws Error when the document is no key set, or no usable key is in it
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

/** A set with the objects of the one before for keys that stayed as they were: what was made with them is good for as long. */
export function keepSame({ keys, dropped }: KeySet, before: KeySet | undefined): KeySet {
  const kept = [...keys].map(([kid, key]) => {
    const old = before?.keys.get(kid)
    return [kid, old && JSON.stringify(old) === JSON.stringify(key) ? old : key] as const
  })
  return { keys: new Map(kept), dropped }
}

/** A public key for signatures, with a name. RFC 7517 §4: `use` and `key_ops` narrow; absent says nothing. */
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
 * The public cloud publishes keys of other clouds beside its own, under its own issuer: they sign nothing here (Microsoft's
 * IdentityModel validators compare the names as well, IDX40012).
 */
function isOfCloud({ cloud_instance_name }: Jwk, cloudInstance: string | undefined): boolean {
  return cloudInstance === undefined || cloud_instance_name === undefined || cloud_instance_name === cloudInstance
}

/** What a key of this kind can verify; its own `alg` (RFC 7517 §4.4) leaves one of these, or none. */
function algorithmsOf({ kty, crv, alg }: Jwk): readonly Algorithm[] {
  const ofCurve = curves.filter((curve) => curve.kty === kty && curve.crv === crv).map(({ algorithm }) => algorithm)
  const able: readonly Algorithm[] = kty === 'RSA' ? rsaAlgorithms : ofCurve
  return alg === undefined ? able : able.filter((name) => name === alg)
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
    return undefined // an entry that is no key: the set reports how many there were
  }
}

/** get-jwks' PEMs come from jwk-to-pem, which knows RSA and EC; RFC 8037's keys it does not. */
function pemOfOkp(jwk: Jwk): string {
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()
}

function isWeak(pem: string): boolean {
  const { asymmetricKeyDetails: details } = createPublicKey(pem)
  return !(Number(details?.modulusLength) >= minModulusBits && Number(details?.publicExponent) >= minExponent)
}
