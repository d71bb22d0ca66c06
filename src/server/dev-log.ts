/** The log of `npm run dev`: one readable line for each refusal, so that a developer sees why a call failed. */
import type { AuditEvent } from '../plugin/index.js'

/** pino's number of the level `warn`. */
const warn = 40

/** Levels at which the log is shown as it is, since its reader wants all of it. */
const verbose: readonly string[] = ['debug', 'trace']

/** The members of a log line that are read. */
interface Line {
  readonly level: number
  readonly audit?: AuditEvent
}

/**
 * Converts a line of the log (JSON, as pino writes it) to what is shown: refusals as one readable line, warnings and errors unchanged, and
 * nothing of any other.
 */
export function readable(line: string): string {
  const { level, audit } = JSON.parse(line) as Line
  if (audit && 'status' in audit) {
    const { status, code, reason, route = 'no route' } = audit
    return `${status} ${route}  ${code}: ${reason}\n`
  }
  return level >= warn ? line : ''
}

/** Where the log of this level goes: to stdout. */
export function devLog(level: string): { write(line: string): void } {
  const shown = verbose.includes(level) ? (line: string) => line : readable
  return { write: (line) => void process.stdout.write(shown(line)) }
}
