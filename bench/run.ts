/**
 * The benchmark: fastify-entra, its peers and the limits, in processes of their own.
 *
 *     npm run bench -- [--quick] [--only section] [--variant name] [--workload name]
 *
 * Ends with 1 when one of ours answered wrong, or something of ours failed; never for a figure.
 */
import { type Cli, readCommandLine, usage } from './harness/cli.js'
import { environment } from './harness/environment.js'
import { variants } from './harness/variants.js'
import { createWorld, type World } from './harness/world.js'
import { goalsOf } from './report/goals.js'
import type { Results } from './report/results.js'
import { writeReport } from './report/write.js'
import { runCeilings } from './sections/ceilings.js'
import { checkAll } from './sections/check.js'
import { runCold } from './sections/cold.js'
import { runCommand } from './sections/command.js'
import { runContests } from './sections/contests.js'
import { runFootprint } from './sections/footprint.js'
import { runGrowth } from './sections/growth.js'
import { runImports } from './sections/imports.js'
import { runLoad } from './sections/load.js'
import { runMemory } from './sections/memory.js'
import { runMetrics } from './sections/metrics.js'
import { runServer } from './sections/server.js'
import { runStreams } from './sections/streams.js'

const say = (line: string) => void process.stderr.write(`${line}\n`)

async function runWithWorld(world: World, cli: Cli, results: Results): Promise<void> {
  const { mistakes } = results
  if (cli.sections.has('load')) {
    const chosen = variants.filter(({ name }) => cli.variants.has(name))
    say(`checking the answers of ${chosen.length} variants`)
    results.checks = await checkAll(world, chosen, mistakes)
    const able = new Set(results.checks.flatMap(({ variant, answers }) => (answers ? [variant] : [])))
    const contenders = chosen.filter(({ name }) => able.has(name))
    const found = await runLoad({ world, say, mistakes }, contenders, cli.workloads)
    Object.assign(results, found)
  }
  const contests = await runContests({ world, say, mistakes }, cli.sections)
  if (contests.length > 0) results.contests = contests
  const parts = {
    ceilings: runCeilings,
    memory: runMemory,
    growth: runGrowth,
    streams: runStreams,
    cold: runCold,
    metrics: runMetrics,
    server: runServer
  }
  for (const [section, run] of Object.entries(parts)) {
    if (!cli.sections.has(section as keyof typeof parts)) continue
    say(section)
    try {
      Object.assign(results, { [section]: await run(world) })
    } catch (error) {
      mistakes.push(`${section}: ${(error as Error).message}`)
    }
  }
}

async function run(cli: Cli): Promise<Results> {
  const { pace, quick, sections } = cli
  const results: Results = {
    ...{ environment: environment(), quick, pace, seconds: 0, checks: [], rate: Number.NaN, samples: [], lost: [] },
    ...{ ceilings: [], memory: [], growth: [], goals: [], mistakes: [] }
  }
  if (sections.has('import')) {
    say('import')
    results.imports = await runImports(pace, results.mistakes)
    results.footprint = await runFootprint(pace)
    results.command = await runCommand(pace, results.mistakes)
  }
  if ([...sections].some((section) => section !== 'import')) {
    const world = await createWorld(pace, say)
    await runWithWorld(world, cli, results).finally(() => world.close())
  }
  results.seconds = performance.now() / 1000
  results.goals = goalsOf(results)
  return results
}

function read(): Cli | undefined {
  try {
    if (process.argv.includes('--help')) return void process.stdout.write(`${usage}\n`)
    return readCommandLine(process.argv.slice(2))
  } catch (error) {
    say(`${(error as Error).message}\n\n${usage}`)
    process.exitCode = 2
    return undefined
  }
}

const cli = read()
if (cli) {
  const results = await run(cli)
  process.stdout.write(await writeReport(cli.out, results))
  for (const mistake of results.mistakes) say(`MISTAKE: ${mistake}`)
  process.exitCode = results.mistakes.length > 0 ? 1 : 0
}
