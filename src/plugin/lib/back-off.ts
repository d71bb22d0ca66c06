/** The delay after a failed fetch. Pure except for the jitter, so that instances do not retry all at once. */

/** Without keys every request is refused, so recovery must take no longer than 5 s. */
const firstColdSeconds = 0.5
const maxColdSeconds = 3

/**
 * Seconds until the next attempt.
 *
 * @param failures failed attempts in a row, 1 or more
 * @param cooldownSeconds minimum interval between attempts while valid keys are held
 * @param usableSeconds for how long the last valid keys may still be used; less than 0 without any
 */
export function retrySeconds(failures: number, cooldownSeconds: number, usableSeconds: number): number {
  const cold = Math.min(maxColdSeconds, firstColdSeconds * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
  if (usableSeconds <= 0) return cold
  const warm = cooldownSeconds * (1 + Math.random())
  return Math.min(warm, Math.max(maxColdSeconds, usableSeconds)) // wait no longer than the keys are usable
}
