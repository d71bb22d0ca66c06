/** Refusals as errors, for functions that the application calls. */

import { refusalErrorMark, version } from '../lib/marks.js'
import type { Refusal, RefusalCode } from './refusal.js'

/** A refusal as an error. */
abstract class RefusalError extends Error {
  /** Stable, for programs. */
  readonly code: RefusalCode
  /** The HTTP status code for it: 401 for an invalid token, 403 for one that may not call, 503 when that cannot be determined. */
  readonly statusCode: Refusal['status']
  /** Seconds after which to try again, if that may help. */
  readonly retryAfterSeconds: number | undefined
  readonly #refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.detail)
    this.code = refusal.code
    this.statusCode = refusal.status
    this.retryAfterSeconds = refusal.retryAfterSeconds
    this.#refusal = refusal
  }

  /** The refusal to send to the client. */
  get refusal(): Refusal {
    return this.#refusal
  }

  /** Not `instanceof`: a second copy of the package has classes of its own. */
  get [refusalErrorMark](): string {
    return version
  }
}

/** The refusal to send to the client, if the error is one of this version of the package. */
export function refusalIn(error: unknown): Refusal | undefined {
  const { [refusalErrorMark]: madeBy, refusal } = Object(error) as Partial<RefusalError>
  return madeBy === version ? refusal : undefined
}

/** Thrown by {@link FastifyInstance.verifyToken} for a token that is refused, with the response that a request with it would get. */
export class TokenRefusedError extends RefusalError {
  override readonly name = 'TokenRefusedError'
}

/**
 * There is no token for another API: the caller must act (401, 403), the tenant refused this API's own request (502), or the tenant cannot
 * be reached (503). If a handler lets it pass, the plugin responds as to every refusal: with problem details, and a challenge if one helps.
 */
export class DownstreamError extends RefusalError {
  override readonly name = 'DownstreamError'
}

/**
 * A request is over a rate limit: 429. If a hook or a handler throws it, the plugin responds as to every refusal: with problem details and
 * `Retry-After`.
 */
export class TooManyRequestsError extends RefusalError {
  override readonly name = 'TooManyRequestsError'
}
