/** Key sets that another process fetched: the options for them, and how they are read. Pure. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownMember } from '../lib/own.js'
import { functionOf, shown } from '../lib/validate.js'

/** Keys of one issuer, and when they were fetched. Public keys only. */
export interface PreloadedKeySet {
  /** The issuer, exactly as its discovery document names it. */
  readonly issuer: string
  /**
   * URL of that document. Required where only the document names the issuer (a tenant that is configured by its domain, External ID, user
   * flows); where present, it must be the one that this API fetches.
   */
  readonly metadataUrl?: string
  /** When the keys were fetched: a time of RFC 3339, or milliseconds since 1970. */
  readonly fetchedAt: string | number
  /** JSON Web Keys (RFC 7517 §4), as the issuer publishes them. */
  readonly keys: readonly object[]
}

/** One set, a set for each issuer, or `undefined` if there is none yet. */
export type PreloadedKeys = PreloadedKeySet | readonly PreloadedKeySet[] | undefined

/** The options for starting without the tenant, for any issuer. */
export interface KeySourceOptions {
  /**
   * Keys that are used until the first fetch: the path of a file that `fastify-entra keys` wrote, or a function. They must be of an issuer
   * that the other options name, are vetted as fetched ones are, and are used no longer than {@link TimeOptions.keysMaxStaleSeconds} after
   * `fetchedAt`. A function has `keysTimeoutSeconds`, 5 s at the most; if it fails, startup continues without its keys. Default: none.
   */
  preloadedKeys?: string | (() => PreloadedKeys | Promise<PreloadedKeys>)
  /**
   * Called after each successful fetch with the keys that are used, to save them for {@link KeySourceOptions.preloadedKeys} of the next
   * process; one call at a time, so that fetches during a call share the next one. If it fails, or takes longer than 60 s, the log says so.
   * Default: they are not saved.
   */
  saveKeys?: (sets: readonly PreloadedKeySet[]) => unknown
}

/** A set as it was given, whose keys are not vetted yet. */
export interface GivenKeySet {
  readonly issuer: string
  readonly metadataUrl: string | undefined
  /** Milliseconds since 1970. */
  readonly fetchedAt: number
  readonly keys: readonly unknown[]
}

const wanted = 'give { issuer, fetchedAt, keys }, or a list of these, as "fastify-entra keys" writes it'

/**
 * Validates the options.
 *
 * @throws EntraConfigurationError when one is neither of its types
 */
export function keySourcesOf({ preloadedKeys: source, saveKeys }: KeySourceOptions) {
  if (source !== undefined && typeof source !== 'function' && (typeof source !== 'string' || source === ''))
    throw new EntraConfigurationError(
      `preloadedKeys ${shown(source)} is not allowed; give the path of a file, or a function that returns key sets`
    )
  return { preloadedKeys: source, saveKeys: functionOf('saveKeys', saveKeys) }
}

/**
 * Reads what a file holds or a function returned.
 *
 * @throws EntraConfigurationError when it is anything but key sets; the message has nothing of the keys
 */
export function toGivenKeySets(given: unknown): readonly GivenKeySet[] {
  const sets: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (sets.length === 0) throw new EntraConfigurationError(`preloadedKeys has an empty list; ${wanted}`)
  return sets.map(toGivenKeySet)
}

function toGivenKeySet(given: unknown): GivenKeySet {
  if (typeof given !== 'object' || given === null)
    throw new EntraConfigurationError(`preloadedKeys has something other than a key set; ${wanted}`)
  const [issuer, metadataUrl, fetchedAt, keys] = ['issuer', 'metadataUrl', 'fetchedAt', 'keys'].map((name) =>
    ownMember(given, name)
  )
  if (typeof issuer !== 'string' || issuer === '')
    throw new EntraConfigurationError(`preloadedKeys has a key set without an issuer; ${wanted}`)
  if (metadataUrl !== undefined && typeof metadataUrl !== 'string')
    throw new EntraConfigurationError(
      `preloadedKeys has a key set whose URL of the discovery document is not a string; ${wanted}`
    )
  if (!Array.isArray(keys))
    throw new EntraConfigurationError(`preloadedKeys has a key set without a list of keys; ${wanted}`)
  return { issuer, metadataUrl, fetchedAt: toTime(fetchedAt), keys }
}

/** RFC 3339 §5.6. */
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i

function toTime(fetchedAt: unknown): number {
  const milliseconds = typeof fetchedAt === 'string' && time.test(fetchedAt) ? Date.parse(fetchedAt) : fetchedAt
  if (typeof milliseconds === 'number' && Number.isFinite(milliseconds)) return milliseconds
  throw new EntraConfigurationError(
    'preloadedKeys has a fetchedAt that is no time; give one such as "2026-01-31T12:00:00Z", or milliseconds since 1970'
  )
}

/**
 * Why a set is not used, as a sentence of the log; `undefined` if its age allows it. Of a set from the future nobody knows how old it is.
 *
 * @param now milliseconds since 1970
 */
export function agedOut({ fetchedAt }: GivenKeySet, now: number, maxStaleSeconds: number): string | undefined {
  if (fetchedAt > now)
    return 'preloaded keys are ignored: they were fetched in the future, by the clock of this machine'
  if (now - fetchedAt > maxStaleSeconds * 1000)
    return 'preloaded keys are ignored: they are older than keysMaxStaleSeconds allows'
  return undefined
}
