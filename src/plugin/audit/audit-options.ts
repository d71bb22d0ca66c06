/** Parses the option `audit`: which decisions are logged. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { isOn, rejectUnknown, shown } from '../lib/validate.js'

/** Which decisions are logged, at level `info`: none, refusals, or all. */
export type AuditLevel = 'off' | 'refusals' | 'all'

/** The option `audit`: which decisions are logged, and with what personal data. */
export interface AuditSettings {
  /** Default: `refusals`. */
  readonly level: AuditLevel
  /** `true` also logs names and e-mail addresses of users. Default: false. */
  readonly personalData: boolean
}

const levels: readonly AuditLevel[] = ['off', 'refusals', 'all']

/**
 * Checks the option.
 *
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function auditOf(given: AuditLevel | Partial<AuditSettings> = {}): AuditSettings {
  if (typeof given === 'string') return auditOf({ level: given })
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  const { level = 'refusals', personalData } = isObject ? ownProperties(given) : { level: given as never }
  if (isObject) rejectUnknown((name) => `there is no option "audit.${name}"`, given, ['level', 'personalData'])
  const wanted = `give one of ${levels.join(', ')}, or an object with level and personalData`
  if (!levels.includes(level)) throw new EntraConfigurationError(`audit ${shown(level)} is not allowed; ${wanted}`)
  return Object.freeze({ level, personalData: isOn('audit.personalData', personalData) })
}
