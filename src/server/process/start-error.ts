/** Reports a failed startup in one line: the operator needs to know what to change, not a stack. */

import { inTermsOfVariables } from '../../plugin/environment/read-options.js'
import { EntraConfigurationError } from '../../plugin/index.js'

/**
 * Reports why the server cannot start, and ends the process with status 1.
 *
 * @throws the error itself unless it is about the configuration or an address that is not available: `last-words` reports bugs with their
 * stack
 */
export function exitOnStartError(error: unknown, env: NodeJS.ProcessEnv): void {
  if (!isExpected(error)) throw error
  const { code }: NodeJS.ErrnoException = error
  const advice = code === 'EADDRINUSE' ? '; end the program that uses it, or set PORT to another port' : ''
  process.stderr.write(`fastify-entra: ${inTermsOfVariables(error.message, env)}${advice}\n`)
  process.exit(1)
}

function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const { syscall }: NodeJS.ErrnoException = error
  return error instanceof EntraConfigurationError || syscall === 'listen' || syscall === 'getaddrinfo'
}
