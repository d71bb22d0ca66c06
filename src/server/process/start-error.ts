/** What stops the start, in one line: the operator needs what to change, and no stack. */
import { EntraConfigurationError } from '../../plugin/index.js'
import { inTermsOfVariables } from '../config/config.js'

/**
 * Says why the server cannot start, and ends the process with status 1.
 *
 * @throws the error itself when it is neither configuration nor an address that cannot be had: a bug, which `last-words` says with its stack
 */
export function exitOnStartError(error: unknown, env: NodeJS.ProcessEnv): void {
  if (!isExpected(error)) throw error
  process.stderr.write(`fastify-entra: ${inTermsOfVariables(error.message, env)}\n`)
  process.exit(1)
}

function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const { syscall }: NodeJS.ErrnoException = error
  return error instanceof EntraConfigurationError || syscall === 'listen' || syscall === 'getaddrinfo'
}
