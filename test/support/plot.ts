/** Lines over time, as a picture: one panel for each of the dashboard's that has values. */

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [seconds: number, value: number])[]
}

const [width, height, left, top, gap] = [400, 150, 50, 26, 70] as const
const colours = ['#0f6cbd', '#c50f1f', '#107c10', '#8764b8', '#ca5010', '#5d5a58']
const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;')

/**
 * @param phases what happened, and when it began
 * @param notes lines below all panels
 */
export function plot(
  panels: readonly (readonly [title: string, series: readonly Series[]])[],
  phases: readonly (readonly [name: string, at: number])[],
  notes: readonly string[] = []
): string {
  const full = panels.filter(([, series]) => series.length > 0)
  const rows = Math.ceil(full.length / 2)
  const bottom = rows * (height + gap)
  const size = { width: 2 * (width + gap), height: bottom + notes.length * 14 }
  const below = notes.map(
    (note, n) => `<text x="${left}" y="${bottom + 4 + n * 14}" fill="#555">${escaped(note)}</text>`
  )
  const drawn = full.map((panel, index) => {
    const [x, y] = [left + (index % 2) * (width + gap), top + Math.floor(index / 2) * (height + gap)]
    return `<g transform="translate(${x},${y})">${panelOf(panel, phases)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="10">
<rect width="100%" height="100%" fill="#fff"/>
${[...drawn, ...below].join('\n')}
</svg>
`
}

function panelOf(
  [title, series]: readonly [string, readonly Series[]],
  phases: readonly (readonly [string, number])[]
): string {
  const times = series.flatMap(({ points }) => points.map(([at]) => at))
  const [first, last] = [Math.min(...times, ...phases.map(([, at]) => at)), Math.max(...times)]
  const most = Math.max(
    ...series.flatMap(({ points }) => points.map(([, value]) => (Number.isFinite(value) ? value : 0))),
    1e-9
  )
  const x = (at: number) => (((at - first) / (last - first)) * width).toFixed(1)
  const y = (value: number) => (height - (value / most) * height).toFixed(1)
  const lines = series.map(({ points }, index) => {
    const path = points.filter(([, value]) => Number.isFinite(value)).map(([at, value]) => `${x(at)},${y(value)}`)
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colours[index % colours.length]}" stroke-width="1.5"/>`
  })
  const marks = phases.map(
    ([name, at]) =>
      `<line x1="${x(at)}" y1="0" x2="${x(at)}" y2="${height}" stroke="#bbb" stroke-dasharray="3"/><text x="${x(at)}" y="${height + 12}" fill="#555">${name}</text>`
  )
  const legend = series
    .slice(0, 4)
    .map(
      ({ name }, index) =>
        `<text x="${(index % 2) * (width / 2)}" y="${height + 24 + Math.floor(index / 2) * 11}" fill="${colours[index % colours.length]}">${escaped(name.slice(0, 38))}</text>`
    )
  return `<text y="-8" font-size="12" font-weight="bold">${escaped(title)}</text>
<text x="-6" y="4" text-anchor="end" fill="#555">${Number(most.toPrecision(2))}</text><text x="-6" y="${height}" text-anchor="end" fill="#555">0</text>
<rect width="${width}" height="${height}" fill="none" stroke="#ddd"/>
${marks.join('')}${lines.join('')}${legend.join('')}`
}
