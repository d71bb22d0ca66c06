/** How long to wait after a failed fetch. Pure but for the jitter, so that instances do not come back all at once. */

/** Without keys every request is refused, so recovery must show within 5 s. */
const firstColdSeconds = 0.5
const maxColdSeconds = 3

/**
 * Seconds until the next try.
 *
 * @param failures how many tries failed in a row, 1 or more
 * @param cooldownSeconds with good keys at hand, tries keep at least this far apart
 * @param usableSeconds for how long the last good keys may still serve; less than 0 without any
 */
export function retrySeconds(failures: number, cooldownSeconds: number, usableSeconds: number): number {
  const cold = Math.min(maxColdSeconds, firstColdSeconds * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
  if (usableSeconds <= 0) return cold
  const warm = cooldownSeconds * (1 + Math.random())
  return Math.min(warm, Math.max(maxColdSeconds, usableSeconds)) // the last warm wait ends where the keys do
}
