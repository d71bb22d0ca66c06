/**
 * Page and plots once more, from the results.json of a directory; nothing is measured.
 *
 *     node --import tsx bench/report/remake.ts [bench]
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { goalsOf } from './goals.js'
import type { Results } from './results.js'
import { writeReport } from './write.js'

const directory = process.argv[2] ?? 'bench'
const results: Results = JSON.parse(await readFile(join(directory, 'results.json'), 'utf8'))
results.goals = goalsOf(results)
await writeReport(directory, results)
