/** The access matrix as HTML: one file without scripts and external resources. */
import { createHash } from 'node:crypto'
import type { AccessEntry } from '../../plugin/index.js'
import { accessStyle } from './access-style.js'

/** Content-security policy of the page: its own style, by its hash, and nothing else. */
export const accessPagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(accessStyle).digest('base64')}'`,
  'img-src data:', // an empty icon, or the browser would ask for /favicon.ico
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
].join('; ')

/** Kinds of routes, with their descriptions; the open ones first. */
const marks = {
  public: ['Public', 'anyone may call; the token is not inspected'],
  optional: ['Token optional', 'unauthenticated requests are allowed; a token that is sent must be valid'],
  token: ['Token', 'any valid token; nothing more is required'],
  permission: ['Permission', 'a valid token that has the permission in the row'],
  nobody: ['Nobody', 'a mistake: no token can satisfy the route'],
  unknown: ['Not known', 'declared before fastify-entra was registered']
} as const

type Mark = keyof typeof marks

/** Methods of one route that the same callers may use. */
interface Row {
  readonly methods: string[]
  readonly path: string
  readonly mark: Mark
  readonly callers: string
}

/** The page. */
export function accessPage(matrix: readonly AccessEntry[]): string {
  const rows = rowsOf(matrix)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Access matrix – fastify-entra API</title>
<link rel="icon" href="data:,">
<style>${accessStyle}</style>
</head>
<body>
<header>
<h1>Access matrix</h1>
<p>Who may call each route of this API. The page is generated from the rules that decide each request.</p>
</header>
<main>
${counts(rows)}
<table>
<caption>Routes in the order in which they are declared</caption>
<thead><tr><th scope="col">Route</th><th scope="col">Who may call</th></tr></thead>
${groups(rows)}
</table>
</main>
<footer>
<p>Requests for any other path get 401 without a valid token, and 404 with one. The <a href="../openapi.json">OpenAPI document</a> has the
same information for programs. You can sign in and call the API on the <a href="../docs">documentation page</a>.</p>
</footer>
</body>
</html>
`
}

function counts(rows: readonly Row[]): string {
  const items = (Object.keys(marks) as Mark[]).flatMap((mark) => {
    const count = rows.filter((row) => row.mark === mark).length
    return count > 0 ? [`<li><b>${count}</b>${badge(mark)}<p>${marks[mark][1]}</p></li>`] : []
  })
  const total = `<li><b>${rows.length}</b>${rows.length === 1 ? 'route' : 'routes'}<p>in all; methods of a route with the same callers count once</p></li>`
  return `<ul class="counts">\n${[total, ...items].join('\n')}\n</ul>`
}

/** The API's own routes first; the many routes of documents, this page among them, are of less interest. */
function groups(rows: readonly Row[]): string {
  const isDocument = ({ path }: Row) => /^\/(docs|openapi)\b/.test(path)
  const named = [
    ['The API', rows.filter((row) => !isDocument(row))],
    ['Documents', rows.filter(isDocument)]
  ] as const
  const bodies = named.map(([name, own]) => {
    const heading = `<tr class="group"><th colspan="2" scope="rowgroup">${name}</th></tr>`
    return own.length > 0 ? `<tbody>\n${[heading, ...own.map(tableRow)].join('\n')}\n</tbody>` : ''
  })
  return bodies.join('\n')
}

function tableRow({ methods, path, mark, callers }: Row): string {
  const route = `<span class="methods">${methods.map(escaped).join(', ')}</span> <code>${escaped(path)}</code>`
  return `<tr><th scope="row">${route}</th><td>${badge(mark)} ${escaped(callers)}</td></tr>`
}

function badge(mark: Mark): string {
  return `<strong class="mark ${mark}">${marks[mark][0]}</strong>`
}

/** Groups HEAD with its GET, and any methods with the same callers. */
function rowsOf(matrix: readonly AccessEntry[]): readonly Row[] {
  const rows = new Map<string, Row>()
  for (const entry of matrix) {
    const { method, url, constraints = {}, callers } = entry
    const path = [url, ...Object.entries(constraints).map(([name, value]) => `(${name} ${value})`)].join(' ')
    const mark = markOf(entry)
    const key = JSON.stringify([path, mark, callers])
    const row = rows.get(key) ?? { methods: [], path, mark, callers }
    rows.set(key, row)
    row.methods.push(method)
  }
  return [...rows.values()]
}

function markOf({ auth, rule }: AccessEntry): Mark {
  if (auth === 'unknown') return 'unknown'
  if (rule) return auth === 'none' ? 'nobody' : 'permission'
  return ({ none: 'public', optional: 'optional', required: 'token' } as const)[auth]
}

/** A value as text of an element (HTML §13.1.2). */
function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
