/** What stops the start, in one line: the operator needs what to change, and no stack. */
import { EntraConfigurationError } from '../plugin/index.js'
import { inTermsOfVariables } from './config.js'

/**
 * Says why the server cannot start, and ends the process with status 1.
 *
 * @throws the error itself when it is neither configuration nor an address that cannot be had
 */
export function exitOnStartError(error: NodeJS.ErrnoException, env: NodeJS.ProcessEnv): void {
  const expected =
    error instanceof EntraConfigurationError || error.syscall === 'listen' || error.syscall === 'getaddrinfo'
  if (!expected) throw error
  process.stderr.write(`fastify-entra: ${inTermsOfVariables(error.message, env)}\n`)
  process.exit(1)
}
