/** One exchange with Microsoft Graph, and the problems that it may end in. */
import { type EnvHttpProxyAgent, request } from 'undici'
import { ServerProblem } from './problems.js'

/** What Graph answered, with any status. */
export interface Answer {
  readonly status: number
  /** `WWW-Authenticate`, empty where there is none. */
  readonly challenge: string
  readonly body: Readonly<Record<string, unknown>>
}

/** One exchange, from connect to the last byte. */
const deadlineMs = 5000
/** Of an answer. */
export const maxBytes = 1024 * 1024

/**
 * Asks with a token.
 *
 * @throws ServerProblem 503 where there is no answer in time, or a 200 that is no JSON object
 */
export async function exchange(dispatcher: EnvHttpProxyAgent, url: string, token: string): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(deadlineMs)
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
