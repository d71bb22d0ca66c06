/** Where the figures come from. */
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { findCores } from './cores.js'

export interface Environment {
  readonly date: string
  readonly commit: string
  readonly node: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGB: number
  readonly platform: string
  readonly pinned: string
}

function commitOf(): string {
  const git = (...args: string[]) => spawnSync('git', ['--no-optional-locks', ...args], { encoding: 'utf8' })
  const { status, stdout } = git('rev-parse', '--short', 'HEAD')
  if (status !== 0) return 'unknown'
  return stdout.trim() + (git('status', '--porcelain', '--', 'src').stdout.trim() === '' ? '' : ', with changes in src')
}

export function environment(): Environment {
  const cores = findCores()
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(),
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    platform: `${process.platform} ${process.arch}`,
    pinned: cores ? `server on core ${cores.server}, the rest on ${cores.others}` : 'nothing is pinned'
  }
}
