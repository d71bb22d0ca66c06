/** A string that keeps no other one in memory. */

/** A copy: in V8, a slice keeps the whole string that it is a slice of. For characters up to U+00FF. */
export function ownString(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
