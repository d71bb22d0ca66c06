/** Errors of a store's client, without what the store was sent. */
import { loggedError } from './logged-error.js'

/**
 * What kind of error it is, and what it says. An error of `ioredis` or `iovalkey` holds the command that failed, with its arguments: keys and
 * values, or the AUTH or HELLO with the password. Old servers repeat these in the message.
 */
export function withoutCommand(error: unknown): string {
  const { name, message } = loggedError(error)
  const [said = ''] = message.split(', with args')
  return name === undefined ? said : `${name}: ${said}`
}
