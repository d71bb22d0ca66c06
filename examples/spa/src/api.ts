/** Calls the API with a token, and answers its challenges. */
import { challengeParameters, claimsOf } from './challenge.js'
import type { Session, Token } from './session.js'

/** A refusal's problem details (RFC 9457), as far as the app shows them. */
export interface Problem {
  readonly detail: string
  readonly code?: string
  readonly requestId?: string
}

/** The result of a call. */
export interface Answer {
  /** 0: no response. */
  readonly status: number
  readonly milliseconds: number
  readonly body: unknown
  /** Absent if the call succeeded. */
  readonly problem?: Problem
  readonly token: Pick<Token, 'fromCache' | 'expiresOn'>
}

export class Api {
  readonly #url: string
  readonly #session: Session

  constructor(url: string, session: Session) {
    this.#url = url
    this.#session = session
  }

  /**
   * GETs a path for the signed-in user. After a claims challenge the user goes to a stronger sign-in and back to this page, which calls again;
   * a token that is refused as invalid is renewed, once.
   */
  async get(path: string, { renew = false } = {}): Promise<Answer> {
    const isAfterStepUp = this.#session.takeStepUp()
    const { answer, challenge } = await this.#send(path, await this.#session.token({ renew }))
    const claims = claimsOf(challenge)
    if (claims !== undefined && !isAfterStepUp) return this.#session.stepUp(claims)
    const isStale = answer.status === 401 && challenge.get('error') === 'invalid_token' && answer.token.fromCache
    return isStale ? this.get(path, { renew: true }) : answer
  }

  async #send(path: string, { value, ...token }: Token) {
    const start = performance.now()
    try {
      const response = await fetch(this.#url + path, {
        headers: { authorization: `Bearer ${value}` },
        cache: 'no-store'
      })
      const body: unknown = await response.json().catch(() => null)
      const answer = { status: response.status, milliseconds: performance.now() - start, body, token }
      const challenge = challengeParameters(response.headers.get('www-authenticate'))
      return { answer: response.ok ? answer : { ...answer, problem: problemOf(response.status, body) }, challenge }
    } catch {
      // A browser does not tell a page which of the two it is (Fetch Standard: network error).
      const detail = `The API at ${this.#url} cannot be reached. It may be down; or it does not allow calls from this page (CORS): add ${location.origin} to its CORS_ORIGINS.`
      const problem = { detail }
      const answer: Answer = { status: 0, milliseconds: performance.now() - start, body: null, problem, token }
      return { answer, challenge: challengeParameters(null) }
    }
  }
}

function problemOf(status: number, body: unknown): Problem {
  const { detail, code, requestId } = { ...(body as Partial<Record<keyof Problem, unknown>> | null) }
  return {
    detail: typeof detail === 'string' ? detail : `The API responded with ${status}, without a reason.`,
    ...(typeof code === 'string' && { code }),
    ...(typeof requestId === 'string' && { requestId })
  }
}
