/** System programs that a test needs: used where they are found, a named skip elsewhere, a failure in CI. */
import { spawnSync } from 'node:child_process'

/** What to give tap's `skip` for a test that needs a program: `false`, or the reason. */
export function skipWithout(program: string): string | false {
  const found = spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0
  if (found) return false
  if (process.env.REQUIRE_ALL === '1') throw new Error(`${program} is required, and not installed`)
  return `${program} is not installed`
}
