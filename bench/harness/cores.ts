/** The server on a core of its own where `taskset` (util-linux) is there, and everything else on the others. */
import { spawnSync } from 'node:child_process'

export interface Cores {
  readonly server: string
  readonly others: string
}

/** `0,2-3` as taskset prints it. */
function parse(list: string): readonly number[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, n) => first + n)
  })
}

/** Nothing is pinned without taskset, or with one core. */
export function findCores(): Cores | undefined {
  const { status, stdout } = spawnSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' })
  const allowed = status === 0 ? parse(stdout.trim().split(': ').at(-1) ?? '') : []
  if (allowed.length < 2) return undefined
  return { server: String(allowed.at(-1)), others: allowed.slice(0, -1).join(',') }
}
