/** Medians with their spread. */

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

export function spread(values: readonly number[]): Spread | undefined {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const [least, most] = [sorted[0], sorted.at(-1)]
  if (least === undefined || most === undefined) return undefined
  const half = sorted.length / 2
  const [low = least, high = most] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]]
  return { median: (low + high) / 2, least, most }
}

/** A median, with the interval that holds the true one with at least 95 % probability; least and most of a few values. */
export interface Median {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** The interval by order statistics: how many of n values lie below the true median is binomial, whatever they are distributed like. */
export function medianOf(values: readonly number[]): Median | undefined {
  const found = spread(values)
  if (!found) return undefined
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const skipped = skippedOf(sorted.length)
  return { median: found.median, low: sorted[skipped] ?? found.least, high: sorted.at(-1 - skipped) ?? found.most }
}

/** How many values may be left out at each end. */
function skippedOf(count: number): number {
  let [ways, below, skipped] = [1, 0, 0]
  for (let n = 0; n < count; n += 1) {
    below += ways / 2 ** count
    if (below > 0.025) break
    skipped = n + 1
    ways = (ways * (count - n)) / (n + 1)
  }
  return skipped
}

/** `0.85 (0.82–0.88)` */
export function shownMedian(found: Median | undefined): string {
  return shownSpread(found && { median: found.median, least: found.low, most: found.high })
}

/** `12,345`, `41.2` or `0.91`. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2)
}

/** `41.2 (40.1–44.0)`; without the spread when there is one value only. */
export function shownSpread(found: Spread | undefined, unit = ''): string {
  if (!found) return '–'
  const range = found.least === found.most ? '' : ` (${shown(found.least)}–${shown(found.most)})`
  return `${shown(found.median)}${unit}${range}`
}

/** A row of a markdown table. */
export const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

/** A markdown table; the first column holds words, the others figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = row(head.map((_, n) => (n === 0 ? '---' : '---:')))
  return [row(head), line, ...rows.map(row)].join('\n')
}
