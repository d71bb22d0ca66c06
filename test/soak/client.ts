/** Requests to the API, and what they are judged by. */
import { Agent, setGlobalDispatcher } from 'undici'
import { within } from '../faults/waits.js'
import { outcomeOf } from '../support/api.js'
import { get } from '../support/http.js'
import type { Credential } from './callers.js'
import type { Conditions } from './history.js'
import type { Stage } from './stage.js'

export interface Got {
  /** `200`, or status and code of a refusal. */
  readonly outcome: string
  readonly body: string
}

/** Milliseconds after which an answer has not come: far more than any deadline of the API. */
export const patience = 60_000

/** A GET. Resolves to what went wrong if there is no answer. */
export async function ask({ api }: Stage, path: string, token: string, signal?: AbortSignal): Promise<Got> {
  try {
    const asked = get(urlOf(api.ports.entra, path), token, signal ? { signal } : {})
    const answer = await within('the API', asked, patience)
    return { outcome: wordsOf(answer), body: answer.body }
  } catch (error) {
    return { outcome: `no answer: ${String(error)}`, body: '' }
  }
}

/**
 * Gives the requests of this process connections of their own.
 *
 * @returns closes those that are left, also those that undici opened and never used
 */
export function openConnections(): () => Promise<void> {
  const agent = new Agent()
  setGlobalDispatcher(agent)
  return () => agent.destroy()
}

export const urlOf = (port: number, path: string) => `http://127.0.0.1:${port}${path}`

function wordsOf(answer: Awaited<ReturnType<typeof get>>): string {
  try {
    return outcomeOf(answer)
  } catch {
    return `${answer.status} without a code`
  }
}

/** From now on: a function that says what all conditions of a request have been since. */
export function watch({ weather }: Stage, { key, standing }: Pick<Credential, 'key' | 'standing'>): () => Conditions {
  const [tenant, redis] = [weather.tenant.watch(), weather.redis.watch()]
  const [state, standings] = [key.state.watch(), standing.watch()]
  return () => ({ tenant: tenant(), redis: redis(), key: state(), standing: standings() })
}
