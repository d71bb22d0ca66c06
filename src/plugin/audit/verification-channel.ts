/** Publishes each verification of a token, for metrics, while there is a subscriber. Nothing is counted here. */
import { channel } from 'node:diagnostics_channel'
import type { RefusalCode } from '../refusals/refusal.js'

/** Name of the channel (Node: `diagnostics_channel`) on which every {@link VerificationEvent} is published. */
export const verificationChannelName = 'fastify-entra.verification'

/** A token was verified or refused; decisions of guards are on the audit channel. */
export interface VerificationEvent {
  readonly outcome: 'accepted' | 'refused'
  /** Why the token was refused. */
  readonly code?: RefusalCode
  /** True when the token came from the token cache, and no signature was verified. */
  readonly known: boolean
  /** From reading the token to the decision, including time spent waiting for keys and functions of the application. */
  readonly milliseconds: number
}

const verifications = channel(verificationChannelName)

/** Starts a measurement when there is a subscriber. Hand what it returns to {@link publishVerification}. */
export function verificationStarted(): number | undefined {
  return verifications.hasSubscribers ? performance.now() : undefined
}

/** Publishes an outcome, if its measurement was started. */
export function publishVerification(started: number | undefined, known: boolean, code: RefusalCode | undefined): void {
  if (started === undefined) return
  const milliseconds = performance.now() - started
  const event: VerificationEvent =
    code === undefined
      ? { outcome: 'accepted', known, milliseconds }
      : { outcome: 'refused', code, known, milliseconds }
  verifications.publish(event)
}
