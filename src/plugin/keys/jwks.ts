/** Stage 2b: parses a published key set into the keys that may verify a token. Pure except for get-jwks' PEMs. */
import { createPublicKey } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
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
  /** `undefined`: the set has no name for it, and only a token without `kid` can mean it. */
  readonly kid: string | undefined
  /** Always the same string object for the same key, so that its verifier is reused. */
  readonly pem: string
  /** What it may verify: the algorithms of its kind, restricted by its own `alg` and by those accepted from its issuer. */
  readonly algorithms: readonly Algorithm[]
  /** Entra's `issuer` member: the one issuer that this key signs for, or a template with `{tenantid}`. */
  readonly issuer?: string
}

/** The usable keys of a set, and what of it is not used. */
export interface KeySet {
  /** One for each `kid` and kind of key: a `kid` may name an RSA and an EC key (RFC 7517 §4.5). */
  readonly keys: readonly VerificationKey[]
  /** The number of entries that were read and are not used. */
  readonly dropped: number
  /** The number of entries after the first {@link maxKeys}: these are not read. */
  readonly unread: number
  /** Algorithms, curves or types of dropped keys that this library cannot verify, such as `Ed25519` (RFC 9864). The first few, cut in length. */
  readonly unsupported: readonly string[]
}

/** The issuer of the keys, and what they may verify. */
export interface KeySetSource {
  readonly issuer: string
  readonly algorithms: readonly Algorithm[]
  /** The Microsoft cloud that the issuer names. */
  readonly cloudInstance?: string | undefined
  /** True if a key without `kid` is used: for tokens without one (OpenID Connect Core §10.1). */
  readonly allowsUnnamed: boolean
}

type Jwk = Readonly<Record<string, unknown>> & { readonly kid?: string }

/** RSA below 2048 bits is weak (RFC 7518 §3.3: "MUST"); the exponent's floor is NIST's (FIPS 186-5, A.1.1). */
const minModulusBits = 2048
const minExponent = 65537
/** A longer `kid` is not accepted. Entra's have 27 characters. */
const maxKidLength = 256
/** RFC 8259 §8.2: what such text means differs from reader to reader. */
const unpairedSurrogate = /\p{Surrogate}/u
/** So many entries of a set are read. */
export const maxKeys = 1024
/** After so many, requests go first: a thousand RSA keys take half a second. */
const keysAtOnce = 16
/** So many unsupported algorithms are named, and so many characters of each. */
const maxUnsupported = 8
const maxNameLength = 32
/** RFC 7518 §6.2.2, §6.3.2, §6.4.1: a published private key proves nothing. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

/**
 * Parses a JWK Set (RFC 7517 §5) into keys. An invalid entry never invalidates the others. Of a larger set the first {@link maxKeys} entries
 * are read.
 *
 * @throws Error when the document is not a key set, or contains no usable key
 */
export async function toKeySet(document: unknown, source: KeySetSource): Promise<KeySet> {
  const { issuer, algorithms, cloudInstance, allowsUnnamed } = source
  const published = (document as { keys?: unknown } | null)?.keys
  if (!Array.isArray(published)) throw new Error('the key set has no "keys" array')
  const entries: unknown[] = published.slice(0, maxKeys)
  const toPem = pemMaker(entries.length, issuer)
  const candidates = entries
    .map(withoutNulls)
    .filter((jwk): jwk is Jwk => isSignatureKey(jwk, allowsUnnamed) && isOfCloud(jwk, cloudInstance))
  const usable: Usable[] = []
  for (const [at, jwk] of candidates.entries()) {
    if (at % keysAtOnce === keysAtOnce - 1) await setImmediate()
    const made = await toVerificationKey(jwk, algorithms, toPem)
    if (made) usable.push(made)
  }
  const groups = withoutClashes(usable)
  if (groups.length === 0) throw new Error('the key set has no usable key')
  return {
    keys: groups.map(oneKey),
    dropped: entries.length - groups.flat().length,
    unread: published.length - entries.length,
    unsupported: unsupportedNames(candidates)
  }
}

/** A set that reuses the objects of unchanged keys of the previous set, so that verifiers built with them stay valid. */
export function reuseUnchangedKeys(set: KeySet, before: KeySet | undefined): KeySet {
  const old = new Map(before?.keys.map((key) => [JSON.stringify(key), key]))
  return { ...set, keys: set.keys.map((key) => old.get(JSON.stringify(key)) ?? key) }
}

/** An entry without its members that are `null`: some publishers write one for each member that a key does not have. */
function withoutNulls(entry: unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(Object(entry)).filter(([, value]) => value !== null))
}

/** A public key for signatures. RFC 7517 §4: `use` and `key_ops` restrict a key; absent, they restrict nothing. */
function isSignatureKey(entry: Readonly<Record<string, unknown>>, allowsUnnamed: boolean): boolean {
  const { kid, use = 'sig', key_ops = ['verify'] } = entry
  return (
    (isName(kid) || (allowsUnnamed && kid === undefined)) &&
    use === 'sig' &&
    Array.isArray(key_ops) &&
    key_ops.includes('verify') &&
    !secretMembers.some((name) => Object.hasOwn(entry, name))
  )
}

function isName(kid: unknown): boolean {
  return typeof kid === 'string' && kid.length > 0 && kid.length <= maxKidLength && !unpairedSurrogate.test(kid)
}

/**
 * The public cloud also publishes keys of other clouds, under its own issuer. They are not accepted (Microsoft's IdentityModel validators
 * compare the names as well, IDX40012).
 */
function isOfCloud({ cloud_instance_name }: Jwk, cloudInstance: string | undefined): boolean {
  return cloudInstance === undefined || cloud_instance_name === undefined || cloud_instance_name === cloudInstance
}

/** The algorithms of a key of this kind (`kty`, `crv`); its own `alg` (RFC 7517 §4.4) restricts them to one, or none. */
export function algorithmsOf({ kty, crv, alg }: Readonly<Record<string, unknown>>): readonly Algorithm[] {
  const ofCurve = curves.filter((curve) => curve.kty === kty && curve.crv === crv).map(({ algorithm }) => algorithm)
  const able: readonly Algorithm[] = kty === 'RSA' ? rsaAlgorithms : ofCurve
  return alg === undefined ? able : able.filter((name) => name === alg)
}

/** Names of what this library does not verify. */
function unsupportedNames(candidates: readonly Jwk[]): readonly string[] {
  const unable = candidates.filter((jwk) => algorithmsOf(jwk).length === 0)
  const names = unable.map(({ alg, crv, kty }) => alg ?? crv ?? kty).filter((name) => typeof name === 'string')
  const unsupported = new Set(names.filter((name) => !isSupported(name)))
  return [...unsupported].slice(0, maxUnsupported).map((name) => name.slice(0, maxNameLength))
}

const isSupported = (name: string) => algorithmNames.some((each) => each === name)

/** An entry that can be used, and its kind. */
interface Usable {
  readonly kty: unknown
  readonly key: VerificationKey
}

/**
 * Entries by `kid` and kind, as an RSA and an EC key may share a `kid` (RFC 7517 §4.5). Two different keys of one kind under one `kid` are
 * ambiguous, so neither is used.
 */
function withoutClashes(usable: readonly Usable[]): (readonly [Usable, ...Usable[]])[] {
  const groups = new Map<string, [Usable, ...Usable[]]>()
  for (const each of usable) {
    const { kid, pem } = each.key
    const name = kid === undefined ? pem : `${each.kty} ${kid}`
    const group = groups.get(name)
    if (group) group.push(each)
    else groups.set(name, [each])
  }
  const isSame = (a: VerificationKey, b: VerificationKey) => a.pem === b.pem && a.issuer === b.issuer
  return [...groups.values()].filter(([{ key: first }, ...others]) => others.every(({ key }) => isSame(first, key)))
}

/** A key that is listed once for each of its algorithms has them all, in whichever order. */
function oneKey(entries: readonly [Usable, ...Usable[]]): VerificationKey {
  const able = entries.flatMap(({ key }) => key.algorithms)
  return Object.freeze({
    ...entries[0].key,
    algorithms: Object.freeze(algorithmNames.filter((name) => able.includes(name)))
  })
}

/**
 * Uses get-jwks only to make PEMs: a new instance for each set, primed through its public cache, with any fetch aborted before it begins.
 * In the request path it would fetch by itself and return withdrawn keys.
 */
function pemMaker(count: number, issuer: string): (jwk: Jwk) => Promise<string> {
  const domain = issuer.endsWith('/') ? issuer : `${issuer}/`
  const getJwks = buildGetJwks({ max: count + 1, fetchOptions: { signal: AbortSignal.abort() } })
  let made = 0
  return (jwk) => {
    const name = { domain, alg: 'any', kid: String(made++) } // its own name for each entry: a kid may name several, or be absent
    getJwks.cache.set(getJwks.generateCacheKey(name.alg, name.kid, domain), { ...jwk, ...name } as JWK)
    return getJwks.getPublicKey(name)
  }
}

async function toVerificationKey(
  jwk: Jwk,
  allowed: readonly Algorithm[],
  toPem: (jwk: Jwk) => Promise<string>
): Promise<Usable | undefined> {
  const algorithms = algorithmsOf(jwk).filter((name) => allowed.includes(name))
  if (algorithms.length === 0) return undefined
  try {
    const pem = jwk.kty === 'RSA' ? await toPem(jwk) : pemByNode(jwk)
    if (jwk.kty === 'RSA' && isWeak(pem)) return undefined
    const issuer = typeof jwk.issuer === 'string' && { issuer: jwk.issuer }
    return { kty: jwk.kty, key: { kid: jwk.kid, pem, algorithms, ...issuer } }
  } catch {
    return undefined // an entry that is not a key: the set reports their number
  }
}

/**
 * get-jwks' PEMs come from jwk-to-pem, which does not support RFC 8037's keys, and takes 6 to 50 ms for one EC key: a set of a thousand would
 * block the process for most of a minute.
 */
function pemByNode(jwk: Jwk): string {
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()
}

function isWeak(pem: string): boolean {
  const { asymmetricKeyDetails: details } = createPublicKey(pem)
  return !(Number(details?.modulusLength) >= minModulusBits && Number(details?.publicExponent) >= minExponent)
}
