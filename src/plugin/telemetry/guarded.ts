/** Listeners of channels that throw would end the process (Node: `channel.publish()`), and metrics are not worth that. */
import { loggedError } from '../lib/logged-error.js'

let isSaid = false

/** The same listener, whose first error is a warning of the process, and all others nothing. */
export function guarded<Message>(listener: (message: Message) => unknown): (message: Message) => void {
  return (message) => {
    try {
      listener(message)
    } catch (error) {
      if (isSaid) return
      isSaid = true
      process.emitWarning(`fastify-entra/telemetry cannot record: ${loggedError(error).message}`)
    }
  }
}
