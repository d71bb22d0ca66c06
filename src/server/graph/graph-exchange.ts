/** One exchange with Microsoft Graph, and the problems that it may end in. */
import { type EnvHttpProxyAgent, request } from 'undici'
import { ServerProblem } from '../problems.js'

/** What Graph answered, with any status. */
export interface Answer {
  readonly status: number
  /** `WWW-Authenticate`, empty where there is none. */
  readonly challenge: string
  readonly body: Readonly<Record<string, unknown>>
}

/** Of an answer. */
export const maxBytes = 1024 * 1024

/**
 * Answers one question within one deadline, however many tokens and exchanges it takes.
 *
 * @param work gets a signal that is aborted at the deadline
 * @throws ServerProblem 503 when it takes too long; whatever `work` throws
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
 * Asks with a token.
 *
 * @param signal ends the exchange
 * @throws ServerProblem 503 where there is no answer, or a 200 that is no JSON object
 */
export async function exchange(
  dispatcher: EnvHttpProxyAgent,
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

/** There is no usable answer, whoever asks. */
export function unavailable(cause: string): ServerProblem {
  return problem(503, 'graph_unavailable', 'Microsoft Graph cannot be reached. Try again later.', cause)
}

/** A problem whose cause is for the log alone. */
export function problem(
  status: ServerProblem['statusCode'],
  code: string,
  detail: string,
  cause?: string
): ServerProblem {
  return Object.assign(new ServerProblem(status, code, detail), { cause })
}
