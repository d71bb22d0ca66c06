/** `fastify-entra routes`: who may call each route of an app, as a table, and what changed since it was last written. */
import { readFile } from 'node:fs/promises'
import { escapeInvisible } from '../lib/logged-text.js'
import { type AppRoute, factsOfApp } from './app-process.js'
import { CommandFailure, json, lines, type Outcome, parsed, type World } from './outcome.js'
import { type Row, rowsIn, toMarkdown, toTable } from './route-table.js'

const usage = [
  'usage: fastify-entra routes <module>',
  '  --format   table (default), markdown or json',
  '  --check    a file that --format markdown or json wrote: print what changed since then; exit status 1 if anything did',
  'The module exports by default a Fastify app, or a function that returns one, which does not listen.'
]
const options = { format: { type: 'string' }, check: { type: 'string' } } as const
const wrongUse = 'routes takes one module, and --format table, markdown or json, or --check and a file'

const formats: ReadonlyMap<string, (rows: readonly Row[]) => string> = new Map([
  ['table', toTable],
  ['markdown', toMarkdown],
  ['json', json]
])

/** Exit status 0: written, or no change. 1: a change. 2: the module is not an app, or the file cannot be read. */
async function start({ args }: World): Promise<Outcome> {
  const { values, positionals } = parsed(args, options, { text: wrongUse, positionals: 1 })
  const [module = ''] = positionals
  const format = formats.get(values.format ?? 'table')
  if (!format || (values.check !== undefined && values.format !== undefined)) throw new CommandFailure(wrongUse)
  const before = values.check === undefined ? undefined : await written(values.check)
  const rows = (await factsOfApp(module)).routes.map(rowOf)
  if (!before) return { exitCode: 0, out: format(rows), err: '' }
  const changes = changesOf(before, rows)
  const fix = `if that is meant, write ${values.check} again with --format`
  return changes.length > 0
    ? { exitCode: 1, out: lines(changes), err: lines([fix]) }
    : { exitCode: 0, out: '', err: lines([`${rows.length} routes, callers as in ${values.check}`]) }
}

/** The subcommand. */
export const routes = { usage, start }

function rowOf({ method, url, constraints, callers }: AppRoute): Row {
  const where = constraints === undefined ? '' : ` ${JSON.stringify(constraints)}`
  return { method, route: `${url}${where}`, callers }
}

async function written(file: string): Promise<readonly Row[]> {
  const text = await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new CommandFailure(`${file} cannot be read (${code}); write it with --format markdown or json`)
  })
  const rows = rowsIn(text)
  if (rows) return rows
  throw new CommandFailure(`${file} is not a table that this command wrote; write it with --format markdown or json`)
}

/** In the order of the routes, and then those that are gone. */
function changesOf(before: readonly Row[], now: readonly Row[]): readonly string[] {
  const [old, current] = [byRoute(before), byRoute(now)]
  const changed = [...current].flatMap(([route, callers]) => {
    const was = old.get(route)
    if (was === callers) return []
    return [was === undefined ? `new      ${route}: ${callers}` : `changed  ${route}: ${callers}; before: ${was}`]
  })
  const gone = [...old].filter(([route]) => !current.has(route))
  return [...changed, ...gone.map(([route, callers]) => `gone     ${route}; before: ${callers}`)]
}

/** Escaped, as Markdown has them. Of routes that look alike, all callers count. */
function byRoute(rows: readonly Row[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { method, route, callers } of rows) {
    const name = escapeInvisible(`${method} ${route}`)
    const others = found.get(name)
    found.set(name, (others === undefined ? '' : `${others}; and `) + escapeInvisible(callers))
  }
  return found
}
