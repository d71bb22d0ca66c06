/** What a check of `fastify-entra doctor` came to. */
import { EntraConfigurationError } from '../../lib/configuration-error.js'
import { loggedText } from '../../lib/logged-text.js'
import { ManifestFailure } from '../../manifest/failure.js'
import { CommandFailure } from '../outcome.js'

/** The checks, in the order in which one looks. */
export type CheckId =
  | 'configuration'
  | 'proxy'
  | 'authorities'
  | 'keys'
  | 'clock'
  | 'redis'
  | 'credential'
  | 'expiry'
  | 'consent'
  | 'registration'
  | 'claims'

/** One line of the report. */
export interface Diagnosis {
  readonly id: CheckId
  /** `skipped`: it could not be made, or there is nothing to check. */
  readonly outcome: 'ok' | 'WRONG' | 'skipped'
  readonly found: string
  /** What to change, or what the check needs. */
  readonly change?: string
}

/** Text of other sources: tokens and passwords in it are masked. */
export const ok = (id: CheckId, found: string): Diagnosis => ({ id, outcome: 'ok', found: loggedText(found) })

/** @param change what to change */
export const wrong = (id: CheckId, found: string, change: string): Diagnosis => ({
  ...{ id, outcome: 'WRONG' },
  ...{ found: loggedText(found), change: loggedText(change) }
})

/** @param change what the check needs, if anything */
export const skipped = (id: CheckId, found: string, change?: string): Diagnosis => ({
  ...{ id, outcome: 'skipped', found: loggedText(found) },
  ...(change !== undefined && { change })
})

/** A sentence of this library, which says what was found, and behind a semicolon what to change. */
export function wrongBy(id: CheckId, sentence: string): Diagnosis {
  const [found = '', ...change] = sentence.split('; ')
  return wrong(id, found, change.join('; '))
}

/**
 * The diagnosis of an error that says in one sentence what is wrong.
 *
 * @param change what to change, where the sentence does not say it
 * @throws the error itself if it is another one: a bug
 */
export function wrongBecause(id: CheckId, error: unknown, change?: string): Diagnosis {
  const kinds = [EntraConfigurationError, CommandFailure, ManifestFailure]
  if (!(error instanceof Error) || !kinds.some((kind) => error instanceof kind)) throw error
  return change === undefined ? wrongBy(id, error.message) : wrong(id, error.message, change)
}
