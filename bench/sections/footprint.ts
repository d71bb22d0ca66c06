/** What an install adds to `node_modules`, and what an import costs a new process: of this package, and of what else verifies tokens. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Pace } from '../harness/cli.js'
import { type Spread, spread } from '../report/stats.js'
import { timeImport } from './imports.js'

export interface Footprint {
  readonly name: string
  /** CPU of the import, of all threads: another load on the machine changes it less than the time. */
  readonly cpuMs: Spread | undefined
  readonly ms: Spread | undefined
  /** Packages that npm installs with it, itself included; none for a second entry point of a package. */
  readonly packages?: number
  /** Bytes of their files. */
  readonly bytes?: number
}

const bench = fileURLToPath(new URL('..', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** The folder of a package as Node.js finds it from another folder. */
function folderOf(name: string, from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(found)) return found
    if (folder === dirname(folder)) throw new Error(`${name} is not installed`)
  }
}

const dependenciesOf = (folder: string) => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies?: object }
  return Object.keys(manifest.dependencies ?? {})
}

/** Folders of a package's dependencies, and theirs. Peers are those of the app, and optional ones nobody gets unasked. */
function closureOf(folder: string, found: Set<string> = new Set()): Set<string> {
  for (const name of dependenciesOf(folder)) {
    const next = folderOf(name, folder)
    if (found.has(next)) continue
    found.add(next)
    closureOf(next, found)
  }
  return found
}

/** Bytes of a package's own files: packages below it are packages of their own. */
const sizeOf = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .map((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? sizeOf(path) : statSync(path).size
    })
    .reduce((sum, each) => sum + each, 0)

/** The package of this repository, as npm would pack it. */
function packedSize(): number {
  const options = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const [packed] = JSON.parse(execFileSync('npm', options, { cwd: root, encoding: 'utf8' })) as [
    { unpackedSize: number }
  ]
  return packed.unpackedSize
}

function installOf(name: string): { packages: number; bytes: number } {
  const isOurs = name === 'fastify-entra'
  const folder = isOurs ? root : folderOf(name, bench)
  const others = [...closureOf(folder)]
  const own = isOurs ? packedSize() : sizeOf(folder)
  return { packages: others.length + 1, bytes: others.reduce((sum, each) => sum + sizeOf(each), own) }
}

const measured: Readonly<Record<string, string>> = {
  'fastify-entra': new URL('../../dist/plugin/index.js', import.meta.url).href,
  'fastify-entra/verifier': new URL('../../dist/plugin/verifier-index.js', import.meta.url).href,
  jose: 'jose',
  'aws-jwt-verify': 'aws-jwt-verify'
}

/** Imports take turns, as the variants of a load do. */
export async function runFootprint({ rounds }: Pace): Promise<readonly Footprint[]> {
  const times = Object.entries(measured).map(([name, specifier]) => ({
    name,
    specifier,
    cpu: [] as number[],
    all: [] as number[]
  }))
  for (let round = 0; round < rounds * 3; round += 1) {
    for (const { specifier, cpu, all } of times) {
      const { ms, cpuMs } = await timeImport(specifier)
      all.push(ms)
      cpu.push(cpuMs)
    }
  }
  return times.map(({ name, cpu, all }) => ({
    ...{ name, cpuMs: spread(cpu), ms: spread(all) },
    ...(name.includes('/') ? {} : installOf(name))
  }))
}
