/** The first seconds of a process as a picture: what a new token costs, and how long the slowest wait. */
import { contests, noAuth } from '../harness/contests.js'
import { variants } from '../harness/variants.js'
import { ContestFigures } from './contests.js'
import type { Results } from './results.js'
import { type Median, shown } from './stats.js'
import { bar, type Colour, document, line, text, width } from './svg.js'

const left = 20
const rowHeight = 24
const small = { size: 11, colour: 'quiet' } as const
/** Where the two columns begin, and how long their longest bar is. */
const [costAt, waitAt, longest] = [290, 600, 200]

const title = 'The first seconds after a deploy: all tokens new'

const colourOf = (name: string): Colour =>
  name.startsWith('ours') ? 'ours' : name.startsWith('limit') ? 'limit' : 'peer'

/** A bar, and the interval of its median as a thin line. */
function cell(x: number, y: number, scale: number, found: Median | undefined, colour: Colour): string[] {
  if (!found) return [text(x, y, '–', small)]
  const at = (value: number) => x + Math.max(0, value) * scale
  return [
    ...[bar(x, y - 9, found.median * scale, 10, colour), line(at(found.low), y - 4, at(found.high), y - 4, 'ink')],
    text(x + longest + 12, y, shown(found.median), { size: 11 })
  ]
}

/** `undefined` if the section was not run. */
export function deployPlot(results: Results): string | undefined {
  const figures = new ContestFigures(results.contests ?? [])
  const all = contests.find(({ name }) => name === 'deploy')?.variants ?? []
  const rows = all
    .filter((name) => name !== noAuth && figures.of('deploy', name).length > 0)
    .map((name) => ({
      name,
      cost: figures.over('deploy', name),
      wait: figures.median('deploy', name, ({ p99 }) => p99)
    }))
  if (rows.length === 0) return undefined
  const scaleOf = (most: readonly (Median | undefined)[]) =>
    longest / Math.max(...most.map((found) => found?.high ?? 0))
  const [costScale, waitScale] = [scaleOf(rows.map(({ cost }) => cost)), scaleOf(rows.map(({ wait }) => wait))]
  const { environment: e, pace } = results
  const bold = { size: 11, bold: true }
  const bars = rows.flatMap(({ name, cost, wait }, n) => {
    const y = 90 + n * rowHeight
    const what = variants.find((variant) => variant.name === name)?.what ?? name
    const label = text(left, y, what.replaceAll('`', ''), { size: 11, bold: colourOf(name) === 'ours' })
    return [
      label,
      ...cell(costAt, y, costScale, cost, colourOf(name)),
      ...cell(waitAt, y, waitScale, wait, colourOf(name))
    ]
  })
  const bottom = 90 + rows.length * rowHeight
  const parts = [
    ...[
      text(costAt, 60, 'CPU of a request over no authentication, µs', bold),
      text(waitAt, 60, 'p99, ms', bold),
      ...bars
    ],
    text(
      left,
      bottom + 8,
      `${pace.deploySeconds} s of each new process, medians of ${pace.contestRounds}; thin lines: 95 % intervals.`,
      small
    ),
    text(left, bottom + 24, `${e.date}, commit ${e.commit}, Node.js ${e.node}, ${e.cpu}.`, small)
  ]
  return document(title, Math.min(bottom + 40, width), parts)
}
