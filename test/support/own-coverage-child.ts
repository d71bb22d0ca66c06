/** Prints whether its source map, and that of a process which it starts with `tsx` alone, have its whole source. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findSourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(import.meta.url)
// The declared type knows no source that is missing.
const sources: readonly (string | null)[] = findSourceMap(file)?.payload.sourcesContent ?? []
process.stdout.write(sources[0] === readFileSync(file, 'utf8') ? 'whole\n' : 'empty\n')
const depth = Number(process.argv[2])
if (depth > 0)
  spawn(process.execPath, ['--enable-source-maps', '--import', 'tsx', file, String(depth - 1)], {
    stdio: 'inherit'
  })
