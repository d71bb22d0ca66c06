/** Each verification of a token, for metrics: published only while somebody subscribes, and nothing is counted here. */
import { channel } from 'node:diagnostics_channel'
import type { RefusalCode } from '../refusals/refusal.js'

/** Name of the channel (Node: `diagnostics_channel`) on which every {@link VerificationEvent} is published. */
export const verificationChannelName = 'fastify-entra.verification'

/** A token was judged; what guards say of its caller later is on the audit channel. */
export interface VerificationEvent {
  readonly outcome: 'accepted' | 'refused'
  /** Why it was refused. */
  readonly code?: RefusalCode
  /** True where the token was remembered, and no signature was verified. */
  readonly known: boolean
  /** From when it was read until it was judged, with keys and functions of the application that were waited for. */
  readonly milliseconds: number
}

const verifications = channel(verificationChannelName)

/** Starts a measurement where somebody wants it: call what it returns with what came of it. */
export function verificationStarted(): ((known: boolean, code: RefusalCode | undefined) => void) | undefined {
  if (!verifications.hasSubscribers) return undefined
  const start = performance.now()
  return (known, code) => {
    const milliseconds = performance.now() - start
    const outcome = code === undefined ? 'accepted' : 'refused'
    verifications.publish({
      outcome,
      ...(code !== undefined && { code }),
      known,
      milliseconds
    } satisfies VerificationEvent)
  }
}
