/** HTTP exchanges with Microsoft Graph, and the problems that they may result in. */
import { type Dispatcher, request } from 'undici'
import { ServerProblem } from '../problems.js'

/** A response of Graph, with any status. */
export interface Answer {
  readonly status: number
  /** `WWW-Authenticate`, empty if absent. */
  readonly challenge: string
  readonly body: Readonly<Record<string, unknown>>
}

/** Of an answer. */
export const maxBytes = 1024 * 1024

/**
 * Runs one operation within one deadline, however many tokens and exchanges it takes.
 *
 * @param work gets a signal that is aborted at the deadline
 * @throws ServerProblem 503 when it takes too long; any error of `work`
 */
export function inOneDeadline<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  return new Promise((resolve, reject) => {
    const late = () => {
      reject(unavailable('took too long'))
      abort.abort()
    }
    const deadline = setTimeout(late, milliseconds)
    deadline.unref()
    void work(abort.signal)
      .then(resolve, reject)
      .finally(() => clearTimeout(deadline))
  })
}

/**
 * Sends a request with a token.
 *
 * @param signal aborts the exchange
 * @throws ServerProblem 503 without a response, or for a 200 that is not a JSON object
 */
export async function exchange(
  dispatcher: Dispatcher,
  url: string,
  token: string,
  signal: AbortSignal
): Promise<Answer> {
  try {
    const { statusCode, headers, body } = await request(url, {
      headers: { authorization: `Bearer ${token}` },
      dispatcher,
      signal
    })
    const parsed = objectIn(await body.text())
    if (!parsed && statusCode === 200) throw new Error('answered with no JSON object')
    return { status: statusCode, challenge: [headers['www-authenticate']].flat().join(', '), body: parsed ?? {} }
  } catch (error) {
    throw unavailable(String(error))
  }
}

function objectIn(text: string): Answer['body'] | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined
  } catch {
    return undefined
  }
}

/** The problem when Graph returns no usable response. */
export function unavailable(cause: string): ServerProblem {
  return problem(503, 'graph_unavailable', 'Microsoft Graph cannot be reached. Try again later.', cause)
}

/** A problem whose cause is only logged. */
export function problem(
  status: ServerProblem['statusCode'],
  code: string,
  detail: string,
  cause?: string
): ServerProblem {
  return Object.assign(new ServerProblem(status, code, detail), { cause })
}
