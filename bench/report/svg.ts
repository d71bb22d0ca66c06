/** Just enough SVG for a plot: strings, with a background of their own, so that they can be read on a light page and on a dark one. */

export const colours = {
  ...{ paper: '#ffffff', ink: '#1f2328', quiet: '#59636e', line: '#d1d9e0', track: '#eef1f4' },
  ...{ ours: '#0969da', peer: '#8c959f', limit: '#2da44e', wrong: '#cf222e' }
} as const
export type Colour = keyof typeof colours

type Attributes = Readonly<Record<string, string | number>>

/** What has a meaning in XML. */
export const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const rounded = (value: string | number) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value)

function element(name: string, attributes: Attributes, content = ''): string {
  const all = Object.entries(attributes).map(([key, value]) => ` ${key}="${rounded(value)}"`)
  return content === '' ? `<${name}${all.join('')}/>` : `<${name}${all.join('')}>${content}</${name}>`
}

export interface Style {
  readonly colour?: Colour
  readonly size?: number
  readonly bold?: boolean
  readonly anchor?: 'start' | 'middle' | 'end'
}

export function text(x: number, y: number, words: string, style: Style = {}): string {
  const { colour = 'ink', size = 12, bold = false, anchor = 'start' } = style
  const font = { 'font-size': size, ...(bold && { 'font-weight': 'bold' }), 'text-anchor': anchor }
  return element('text', { x, y, fill: colours[colour], ...font }, escaped(words))
}

export const bar = (x: number, y: number, width: number, height: number, colour: Colour) =>
  element('rect', { x, y, width: Math.max(width, 0.5), height, fill: colours[colour] })

export const line = (x1: number, y1: number, x2: number, y2: number, colour: Colour, width = 1) =>
  element('line', { x1, y1, x2, y2, stroke: colours[colour], 'stroke-width': width })

/** A dot; a hollow one says "before". */
export const dot = (cx: number, cy: number, colour: Colour, hollow = false) =>
  element('circle', {
    ...{ cx, cy, r: 4.5, fill: colours[hollow ? 'paper' : colour] },
    ...{ stroke: colours[colour], 'stroke-width': 1.5 }
  })

export const width = 900

/** The whole of it, for a browser or an `<img>`. */
export function document(title: string, height: number, parts: readonly string[]): string {
  const root = {
    ...{ xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${Math.round(height)}` },
    ...{ role: 'img', 'font-family': 'system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif' }
  }
  const paper = element('rect', { width, height, rx: 6, fill: colours.paper, stroke: colours.line })
  const lines = [element('title', {}, escaped(title)), paper, text(20, 30, title, { size: 17, bold: true }), ...parts]
  return `${element('svg', root, `\n${lines.join('\n')}\n`)}\n`
}
