/** Parses the values of environment variables, or throws one sentence that says what to change. */
import { readFileSync } from 'node:fs'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { withoutPassword } from '../lib/validate.js'

/** Environment variables, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Comma-separated values. */
export function list(text = ''): readonly string[] {
  const parts = text.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

/** The content of a file that a variable names. The message has no path: the variable may hold what belongs into the file. */
export function fileText(name: string, path: string, wanted: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new EntraConfigurationError(`${name} cannot be read (${(error as NodeJS.ErrnoException).code}); ${wanted}`)
  }
}

/** One of a set of words. */
export function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text)
  if (found) return found
  throw new EntraConfigurationError(
    `${name} "${withoutPassword(text)}" is not allowed; give one of ${allowed.join(', ')}`
  )
}
