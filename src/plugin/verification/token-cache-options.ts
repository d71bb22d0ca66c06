/** Parses the option `tokenCache`. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { rejectUnknown, shown, wholeNumber } from '../lib/validate.js'
import type { TokenCacheOptions } from './token-cache.js'

const cacheBounds = {
  maxTokens: { least: 1, most: 1_000_000, default: 10_000 },
  maxBytes: { least: 65_536, most: 2 ** 40, default: 64 * 1024 * 1024 }
} as const

/**
 * Checks the option `tokenCache`.
 *
 * @returns the bounds, completed; `undefined` if no token is to be cached
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function tokenCacheOf(given: unknown = {}): Required<TokenCacheOptions> | undefined {
  if (given === false) return undefined
  const wanted = 'give false, or an object with maxTokens and maxBytes'
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  if (!isObject) throw new EntraConfigurationError(`tokenCache ${shown(given)} is not allowed; ${wanted}`)
  rejectUnknown((name) => `there is no option "tokenCache.${name}"`, given, Object.keys(cacheBounds))
  const { maxTokens, maxBytes } = ownProperties(given as TokenCacheOptions)
  return Object.freeze({
    maxTokens: wholeNumber('tokenCache.maxTokens', maxTokens, cacheBounds.maxTokens),
    maxBytes: wholeNumber('tokenCache.maxBytes', maxBytes, cacheBounds.maxBytes)
  })
}
