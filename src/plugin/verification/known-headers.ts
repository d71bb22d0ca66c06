/**
 * Headers of tokens that were verified: an issuer's tokens share one of a few. A known header is the same text, character by character, so
 * it decodes to the same object.
 */
import { deepFreeze } from '../claims/freeze.js'
import { ownString } from '../lib/own-string.js'
import type { Members } from './json-segment.js'

/** Far more than the keys of an issuer; an issuer whose headers all differ fills it again and again. */
const maxHeaders = 64

/** The headers that one instance of the plugin knows. Only those of valid tokens, so that nobody else can fill it. */
export class KnownHeaders {
  readonly #headers = new Map<string, Members>()

  /** @param segment as sent */
  find(segment: string): Members | undefined {
    return this.#headers.get(segment)
  }

  /**
   * Adds the header of a valid token. It is frozen, as tokens share it.
   *
   * @param header decoded from this segment, and read in one way only
   */
  add(segment: string, header: Members): void {
    if (this.#headers.size >= maxHeaders) this.#headers.clear()
    this.#headers.set(ownString(segment), deepFreeze(header))
  }
}
