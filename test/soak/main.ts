/**
 * The soak: `npm run soak -- --minutes 60`. Ends with 1 if any answer was wrong, or anything was left of the traffic; never for being slow.
 */
import { parseArgs } from 'node:util'
import { textOf, writeReport } from './report.js'
import { type SoakOptions, soak } from './run.js'
import { defects } from './settings.js'

const usage = `usage: npm run soak -- [options]
  --minutes n        default: 5
  --rate n           requests per second, default: 40
  --seed n           of an earlier run, to repeat its plan; default: a new one
  --out directory    for soak.json and soak.svg; default: soak-results
  --defect a,b       breaks the API on purpose: ${defects.join(', ')}`

function read(args: string[]): SoakOptions & { readonly out: string } {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args, options: { minutes: text, rate: text, seed: text, out: text, defect: text } })
  const { out = 'soak-results', minutes = '5', rate = '40', seed = String(Date.now() % 1e6) } = values
  const named = values.defect?.split(',') ?? []
  const chosen = defects.filter((each) => named.includes(each))
  const numbers = { minutes: Number(minutes), rate: Number(rate), seed: Number(seed) }
  const isGood = numbers.minutes > 0 && numbers.rate > 0 && Number.isInteger(numbers.seed)
  if (!isGood || chosen.length < named.length) throw new Error('an option has no such value')
  return { ...numbers, out, defects: chosen }
}

try {
  const { out, ...options } = read(process.argv.slice(2))
  console.log(`seed ${options.seed}`)
  const record = await soak(options)
  await writeReport(out, options, record)
  console.log(textOf(options, record))
  process.exitCode = record.wrong.length > 0 ? 1 : 0
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n${usage}`)
  process.exitCode = 2
}
