/** What is published of lookups and circuit breakers, for metrics and traces, while there is a subscriber. Nothing is counted here. */
import { channel, tracingChannel } from 'node:diagnostics_channel'

/** Name of the tracing channel (Node: `TracingChannel`) of every lookup that is made; a cached result makes none. */
export const lookupChannelName = 'fastify-entra.lookup'

/** Its messages, beside `error`; they never identify the subject. */
export interface LookupMessage {
  /** `groups`, `allowedTenants`, `Redis`, `isRevoked`, `policy`, or the token endpoint that is called for a token. */
  readonly name: string
}

/** See {@link lookupChannelName}. */
export const lookups = tracingChannel<string, LookupMessage>(lookupChannelName)

/** Name of the channel on which each opening of a circuit is published, and its closing. */
export const circuitChannelName = 'fastify-entra.circuit'

/** A circuit opened, or opened again after a probe failed; or it closed. */
export interface CircuitMessage {
  /** As {@link LookupMessage.name}. */
  readonly name: string
  /** Which one: a breaker has a common circuit, and one for each directory. */
  readonly circuit: object
  /** For how many seconds from now no call is made; 0: it closed. */
  readonly openSeconds: number
}

const circuits = channel(circuitChannelName)

/** Publishes it. */
export function publishCircuit(message: CircuitMessage): void {
  if (circuits.hasSubscribers) circuits.publish(message)
}
