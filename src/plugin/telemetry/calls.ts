/** What is listened to: channels, and the calls to other services that tracing channels report, with the attributes of each. */
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { type FetchMessage, fetchChannelName } from '../lib/json-client.js'
import { type LookupMessage, lookupChannelName } from '../lib/lookup-channels.js'
import { errorTypeOf } from './error-type.js'
import { guarded } from './guarded.js'
import type { Attributes } from './tally.js'

/** Calls of one kind. */
export interface Calls<Message extends object> {
  /** Name of their tracing channel. */
  readonly channelName: string
  readonly attributesOf: (message: Message) => Attributes
}

/** Requests to issuers and to Microsoft Graph. */
export const fetches: Calls<FetchMessage> = {
  channelName: fetchChannelName,
  attributesOf: ({ origin, method }) => ({ 'server.address': new URL(origin).host, 'http.request.method': method })
}

/** Lookups that no cache answered. */
export const lookups: Calls<LookupMessage> = {
  channelName: lookupChannelName,
  attributesOf: ({ name }) => ({ 'fastify_entra.lookup.name': name })
}

/** Listens to a channel; the result stops that. */
export function listenTo<Message>(channelName: string, listener: (message: Message) => void): () => void {
  const from = channel(channelName)
  const listen = guarded((message: unknown) => listener(message as Message))
  from.subscribe(listen)
  return () => void from.unsubscribe(listen)
}

/**
 * Follows calls from their begin to their end; the result stops that. One that began before anybody listened is left out.
 *
 * @param begin called at its begin, with its attributes; what it returns is handed to `end`
 * @param end called at its end, with `error.type` if it failed
 */
export function followCalls<Message extends object, Begun>(
  { channelName, attributesOf }: Calls<Message>,
  begin: (message: Message, attributes: Attributes) => Begun,
  end: (begun: Begun, attributes: Attributes, errorType: string | undefined) => void
): () => void {
  type Followed = { readonly begun: Begun; readonly attributes: Attributes }
  const followed = new WeakMap<object, Followed>()
  const from = tracingChannel<string, Message & { readonly error?: unknown }>(channelName)
  const listeners = {
    start: guarded((message: Message) => {
      const attributes = attributesOf(message)
      followed.set(message, { begun: begin(message, attributes), attributes })
    }),
    end() {},
    asyncStart() {},
    asyncEnd: guarded((message: Message & { readonly error?: unknown }) => {
      const call = followed.get(message)
      if (call) end(call.begun, call.attributes, message.error === undefined ? undefined : errorTypeOf(message.error))
    }),
    error() {}
  }
  from.subscribe(listeners)
  return () => void from.unsubscribe(listeners)
}
