/** Traces a call (Node: `TracingChannel`): its begin, its end, and whether it failed. */
import type { TracingChannel } from 'node:diagnostics_channel'
import { toLoggableError } from './logged-error.js'

/** Makes a call. Its result is not published, as it may be a token; an error is published as it would be logged. */
export async function traced<T, Message extends object>(
  channel: TracingChannel<string, Message>,
  message: Message,
  call: () => Promise<T>
): Promise<T> {
  if (!channel.hasSubscribers) return call()
  let settle!: () => T
  const run = async () => {
    try {
      const value = await call()
      settle = () => value
    } catch (error) {
      settle = () => {
        throw error
      }
      throw toLoggableError(error)
    }
  }
  await channel.tracePromise(run, message).catch(() => {})
  return settle()
}
