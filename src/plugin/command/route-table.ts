/** The routes of an app as a table for a terminal, as Markdown, and as JSON; and back. */
import { escapeInvisible } from '../lib/logged-text.js'
import { ownMember } from '../lib/own.js'
import { lines } from './outcome.js'

/** Who may call one route, in words. */
export interface Row {
  readonly method: string
  /** The pattern, and Fastify's constraints of the route, if it has any. */
  readonly route: string
  readonly callers: string
}

/** Columns of the width of their longest value. */
export function toTable(rows: readonly Row[]): string {
  const width = (name: 'method' | 'route') => Math.max(...rows.map((row) => row[name].length), 0)
  const [methods, routes] = [width('method'), width('route')]
  return lines(
    rows.map(({ method, route, callers }) => `${method.padEnd(methods)}  ${route.padEnd(routes)}  ${callers}`)
  )
}

const heading = ['| method | route | callers |', '|---|---|---|']

/** A table of GitHub Flavored Markdown §4.10. */
export function toMarkdown(rows: readonly Row[]): string {
  const cell = (text: string) => escapeInvisible(text).replaceAll('\\', '\\\\').replaceAll('|', '\\|')
  const row = ({ method, route, callers }: Row) => `| ${cell(method)} | ${cell(route)} | ${cell(callers)} |`
  return lines([...heading, ...rows.map(row)])
}

/** The rows of a file that this command wrote; `undefined` for any other. */
export function rowsIn(text: string): readonly Row[] | undefined {
  const content = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  return content.startsWith('[') ? fromJson(content) : fromMarkdown(content)
}

function fromJson(text: string): readonly Row[] | undefined {
  try {
    const rows: unknown = JSON.parse(text)
    return Array.isArray(rows) && rows.every(isRow) ? rows : undefined
  } catch {
    return undefined
  }
}

function isRow(value: unknown): value is Row {
  return ['method', 'route', 'callers'].every((name) => typeof ownMember(Object(value), name) === 'string')
}

function fromMarkdown(text: string): readonly Row[] | undefined {
  if (!text.startsWith(lines(heading))) return undefined
  const cells = text.trimEnd().split('\n').slice(heading.length).map(cellsOf)
  const rows = cells.map(([method, route, callers]) => ({ method, route, callers }))
  return rows.every(isRow) ? rows : undefined
}

function cellsOf(line: string): readonly string[] {
  const parts = line.matchAll(/(?<=\| )(?:[^\\|]|\\.)*(?= \|)/g)
  return [...parts].map(([part]) => part.replace(/\\(.)/g, '$1'))
}
