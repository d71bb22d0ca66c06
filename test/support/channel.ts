/** What a diagnostics channel publishes, for tests. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Test } from 'tap'

/** The messages of a channel from now on, until the test ends. */
export function heardOn<Message>(t: Test, channelName: string): Message[] {
  const heard: Message[] = []
  const hear = (message: unknown) => void heard.push(message as Message)
  subscribe(channelName, hear)
  t.teardown(() => unsubscribe(channelName, hear))
  return heard
}
