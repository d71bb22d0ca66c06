/** A process of its own: loads every second mutant, sends it its table, and writes one line of JSON for each. */
import { cp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compileInto, sourcesIn } from '../support/compile.js'
import { judge, type Outcome } from './judge.js'
import { type Mutant, mutants } from './mutants.js'
import type { Table } from './row.js'
import { nameOf } from './row.js'
import { type Sources, startTarget, type Target } from './server.js'
import { tables } from './tables.js'
import { startWorld } from './world.js'

/** What became of a mutant. */
export interface Report {
  readonly name: string
  readonly rule: string
  readonly rows: number
  /** Rows that fail, by name. */
  readonly failed: readonly string[]
  /** The mutant could not be made or loaded. */
  readonly error?: string
}

const atOnce = 8
const [folder = '', first = '0', step = '1'] = process.argv.slice(2)
const world = await startWorld()

/** With all that they import of the server. */
const ofServer = ['server/problems.ts', 'server/security-headers.ts', 'server/process/logging.ts']
const whole = join(folder, `whole-${first}`)

/** All files, compiled once: what a mutant changes is compiled again, and the rest copied. */
async function compileWhole(): Promise<void> {
  const plugin = (await sourcesIn('src/plugin')).map((path) => join('plugin', path))
  await compileInto(whole, 'src', [...plugin, ...ofServer])
}

/** The copy with the check taken out. */
async function load({ edits }: Mutant, copy: string): Promise<Sources> {
  await cp(whole, copy, { recursive: true })
  await compileInto(copy, 'src', [...new Set(edits.map(([file]) => `${file}.ts`))], edits)
  const load = (file: string) => import(pathToFileURL(resolve(copy, file)).href)
  return {
    plugin: (await load('plugin/index.js')) as Sources['plugin'],
    problems: (await load('server/problems.js')) as Sources['problems'],
    logging: (await load('server/process/logging.js')) as Sources['logging']
  }
}

async function judgeAll(table: Table, target: Target): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let at = 0; at < table.length; at += atOnce)
    outcomes.push(...(await Promise.all(table.slice(at, at + atOnce).map((row) => judge(row, world, target)))))
  return outcomes
}

async function run(mutant: Mutant, copy: string): Promise<Report> {
  const { name, rule, table } = mutant
  try {
    const target = await startTarget(await load(mutant, copy), world, { apis: [table === 'oidc' ? 'oidc' : 'entra'] })
    const outcomes = await judgeAll(tables[table], target)
    await target.close()
    const failed = outcomes.filter(({ failures }) => failures.length > 0).map(({ row }) => nameOf(row))
    return { name, rule, rows: outcomes.length, failed }
  } catch (error) {
    return { name, rule, rows: 0, failed: [], error: String(error) }
  }
}

await compileWhole()
for (const [at, mutant] of mutants.entries()) {
  if (at % Number(step) !== Number(first)) continue
  const copy = join(folder, String(at))
  process.stdout.write(`${JSON.stringify(await run(mutant, copy))}\n`)
  await rm(copy, { recursive: true, force: true })
}
await world.close()
