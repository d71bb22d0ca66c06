/** Errors of a store's client, without what the store was sent. */

/**
 * What kind of error it is, and what it says. An error of `ioredis` or `iovalkey` holds the command that failed, with its arguments: keys and
 * values, or the AUTH or HELLO with the password. Old servers repeat these in the message.
 */
export function withoutCommand(error: unknown): string {
  const [said = ''] = String(error).split(', with args')
  return said
}
