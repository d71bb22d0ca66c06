/** The corpus, tested: each check of the library is taken out in turn, and a row that names its rule must notice. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { usersEnvironment } from '../support/packed.js'
import type { Report } from './mutant-run.js'
import { mutants } from './mutants.js'

const processes = 2

/** Inside the project, so that a copy finds its packages; where neither Git nor Biome looks. */
await mkdir('.tap', { recursive: true })
const folder = await mkdtemp('.tap/mutants-')
t.teardown(() => rm(folder, { recursive: true, force: true }))

async function run(first: number): Promise<Report[]> {
  const program = ['--import', 'tsx', 'test/hostile/mutant-run.ts', folder, String(first), String(processes)]
  // Without coverage, which would be of copies alone, and cost more than all the rest.
  const options = { timeout: 880_000, maxBuffer: 64 * 1024 * 1024, env: usersEnvironment }
  const { stdout } = await promisify(execFile)(process.execPath, program, options)
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Report)
}

const reports = (await Promise.all(Array.from({ length: processes }, (_, first) => run(first)))).flat()

t.equal(reports.length, mutants.length, 'every mutant was run')
for (const { name, rule, rows, failed, error } of reports) {
  t.test(`without: ${name}`, async (t) => {
    t.equal(error, undefined, 'its source text is there, and the mutant starts')
    t.ok(
      failed.some((row) => row.startsWith(rule)),
      `${failed.length} of ${rows} rows notice, one of "${rule}" among them`
    )
  })
}
