/** Refusals as errors, for what is called by the application's own code. */

import { refusalErrorMark, version } from '../lib/marks.js'
import type { Refusal, RefusalCode } from './refusal.js'

/** A refusal as an error. */
abstract class RefusalError extends Error {
  /** Stable, for programs. */
  readonly code: RefusalCode
  /** HTTP status code that says the same: 401 for a bad token, 403 for one that may not call, 503 where no answer can be had. */
  readonly statusCode: Refusal['status']
  /** Seconds after which to try again, where that may help. */
  readonly retryAfterSeconds: number | undefined
  readonly #refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.detail)
    this.code = refusal.code
    this.statusCode = refusal.status
    this.retryAfterSeconds = refusal.retryAfterSeconds
    this.#refusal = refusal
  }

  /** What the client is to be told. */
  get refusal(): Refusal {
    return this.#refusal
  }

  /** Not `instanceof`: a second copy of the package has classes of its own. */
  get [refusalErrorMark](): string {
    return version
  }
}

/** What the client is to be told, where an error of this version says so. */
export function refusalIn(error: unknown): Refusal | undefined {
  const { [refusalErrorMark]: madeBy, refusal } = Object(error) as Partial<RefusalError>
  return madeBy === version ? refusal : undefined
}

/** A token that {@link FastifyInstance.verifyToken} was given is refused: what a request with it would have been answered. */
export class TokenRefusedError extends RefusalError {
  override readonly name = 'TokenRefusedError'
}

/**
 * There is no token for another API: the caller has to do something (401, 403), this API's own request was refused (502), or the tenant
 * cannot be reached (503). Thrown out of a handler it is answered like every refusal: as a problem, with a challenge where one helps.
 */
export class DownstreamError extends RefusalError {
  override readonly name = 'DownstreamError'
}
