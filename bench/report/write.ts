/** The files of a run: the page, its plots, and the figures that both are made from. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deployPlot } from './deploy-plot.js'
import { toMarkdown } from './markdown.js'
import { p99Plot, throughputPlot } from './plots.js'
import type { Results } from './results.js'

/** Writes them into a directory, and returns the page. */
export async function writeReport(directory: string, results: Results): Promise<string> {
  const page = toMarkdown(results)
  const deploy = deployPlot(results)
  const files = {
    'RESULTS.md': page,
    'results.json': `${JSON.stringify(results, undefined, 2)}\n`,
    'throughput.svg': throughputPlot(results),
    'p99.svg': p99Plot(results),
    ...(deploy !== undefined && { 'deploy.svg': deploy })
  }
  await mkdir(directory, { recursive: true })
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content)
  return page
}
