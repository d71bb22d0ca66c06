/** Formats errors of a store's client, without the command that was sent. */
import { loggedError } from './logged-error.js'

/**
 * The kind and message of an error. An error of `ioredis` or `iovalkey` holds the command that failed, with its arguments: keys and values,
 * or the AUTH or HELLO with the password. Old servers repeat these in the message.
 */
export function withoutCommand(error: unknown): string {
  const { name, message } = loggedError(error)
  const [said = ''] = message.split(', with args')
  return name === undefined ? said : `${name}: ${said}`
}
