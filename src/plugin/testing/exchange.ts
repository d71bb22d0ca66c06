/** Requests of the API to other services, and their answers, in tests of applications. */

/** A request that the API sends, of which no byte leaves the process. */
export interface SentRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Empty without one. */
  readonly body: string
}

/** An answer of a service. */
export interface Answer {
  /** Default: 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. Default: an empty object. */
  readonly body?: unknown
}

/** Answers requests to one service. */
export type Answerer = (request: SentRequest) => Answer | Promise<Answer>
