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
