/** Keys that another process fetched, for issuers that this one trusts; and keys for the next process. */
import { MetadataMismatchError } from '../keys/discovery.js'
import { agedOut, type GivenKeySet, type KeySourceOptions, toGivenKeySets } from '../keys/preloaded.js'
import { readKeysFile } from '../keys/preloaded-file.js'
import type { Clock } from '../lib/clock.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { reasonOf } from '../lib/json-client.js'
import { loggedError } from '../lib/logged-error.js'
import type { Logger } from '../lib/logger.js'
import { inTime, maxWaitSeconds } from '../lib/outages.js'
import { shown } from '../lib/validate.js'
import type { Issuer } from './issuer.js'

/** How keys are preloaded. */
export interface Preloading {
  readonly source: KeySourceOptions['preloadedKeys']
  /** The deadline of a function. */
  readonly timeoutSeconds: number
  readonly maxStaleSeconds: number
  readonly log: Logger
}

/**
 * Gives each issuer its set. Those that are too old, from the future, or of an issuer that is not configured, or that another one of this API
 * has the name of, are ignored with a warning.
 *
 * @throws EntraConfigurationError when a file cannot be read or others can write it; when something is no key set; when no set is of a
 * configured issuer; when a set has no usable key
 */
export async function preloadKeys(issuers: readonly Issuer[], preloading: Preloading): Promise<void> {
  const given = await givenBy(preloading)
  if (given === undefined || given === null) return
  const sets = toGivenKeySets(given)
  const fitting = issuers.flatMap((issuer) => sets.filter((set) => issuer.isOf(set)).map((set) => ({ issuer, set })))
  if (fitting.length === 0) throw noneFits(issuers, sets)
  const { maxStaleSeconds, log } = preloading
  for (const set of sets.filter((each) => !fitting.some((other) => other.set === each)))
    log.warn({ issuer: shown(set.issuer) }, 'preloaded keys are ignored: this API does not trust their issuer')
  const seen = new Set<Issuer>()
  for (const { issuer, set } of fitting) {
    if (seen.has(issuer))
      throw new EntraConfigurationError(`preloadedKeys has ${shown(set.issuer)} twice; give one set for each issuer`)
    seen.add(issuer)
    const ignored = agedOut(set, Date.now(), maxStaleSeconds)
    if (ignored === undefined) await use(set, issuer, log)
    else log.warn({ issuer: set.issuer, fetchedAt: set.fetchedAt, maxStaleSeconds }, ignored)
  }
}

async function givenBy({ source, timeoutSeconds, log }: Preloading): Promise<unknown> {
  if (typeof source !== 'function') return source === undefined ? undefined : readKeysFile(source)
  try {
    return await inTime('preloadedKeys', timeoutSeconds, (async () => source())())
  } catch (error) {
    // What it reads from may be down as well, and no keys are what this API would start with without it.
    log.warn({ err: loggedError(error) }, 'preloadedKeys failed: this API starts without preloaded keys')
    return undefined
  }
}

async function use(set: GivenKeySet, issuer: Issuer, log: Logger): Promise<void> {
  try {
    await issuer.preload(set)
  } catch (error) {
    if (error instanceof MetadataMismatchError) return log.warn({ reason: error.message }, ignoredName)
    const reason = reasonOf(error)
    throw new EntraConfigurationError(
      `preloadedKeys has keys of ${shown(set.issuer)} that cannot be used: ${reason}; write them with "fastify-entra keys"`
    )
  }
}

const ignoredName = 'preloaded keys are ignored: their issuer has another configuration'

/** So many issuers are named. */
const maxNamed = 4

function noneFits(issuers: readonly Issuer[], sets: readonly GivenKeySet[]): EntraConfigurationError {
  const theirs = listed(sets.map(({ issuer }) => shown(issuer)))
  const own = listed(
    issuers.map(({ settings: { issuer, url } }) => (typeof issuer === 'string' ? issuer : `that of ${url}`))
  )
  const change = 'write them with "fastify-entra keys" and the configuration of this API, or remove them'
  return new EntraConfigurationError(`preloadedKeys has keys of ${theirs}, and this API trusts ${own}; ${change}`)
}

function listed(names: readonly string[]): string {
  return [...names.slice(0, maxNamed), ...(names.length > maxNamed ? ['others'] : [])].join(' and ')
}

/**
 * What to call after each fetch, so that an application saves the keys. A thousand issuers may be fetched in a second, and each save is of all of
 * them: so there is one at a time, and fetches meanwhile share the next.
 *
 * @param issuers all of them, by then
 */
export function keySaver(
  save: KeySourceOptions['saveKeys'],
  issuers: () => readonly Issuer[],
  { log, clock }: { readonly log: Logger; readonly clock: Clock }
): (() => void) | undefined {
  if (!save) return undefined
  let isSaving = false
  let isDue = false
  const saveAll = async () => {
    const sets = issuers().flatMap(({ savedKeys }) => savedKeys ?? [])
    // One that hangs must not be the last.
    if (sets.length > 0) await inTime('saveKeys', maxWaitSeconds, (async () => save(sets))(), clock)
  }
  const saveUntilDone = async () => {
    isSaving = true
    while (isDue) {
      isDue = false
      await saveAll().catch((error: unknown) =>
        log.warn({ err: loggedError(error) }, 'saveKeys failed: keys are not saved')
      )
    }
    isSaving = false
  }
  return () => {
    isDue = true
    if (!isSaving) void saveUntilDone()
  }
}
