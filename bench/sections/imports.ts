/** What `import 'fastify-entra'` costs, and that it loads nothing which is optional. */
import { readFileSync } from 'node:fs'
import { Child } from '../harness/child.js'
import { temporaryDirectory } from '../harness/cleanup.js'
import type { Pace } from '../harness/cli.js'
import { findCores } from '../harness/cores.js'
import { type Spread, spread } from '../report/stats.js'

export interface Imports {
  readonly ms: Spread | undefined
  readonly modules: number
  /** Modules by package. */
  readonly packages: Readonly<Record<string, number>>
  readonly optional: readonly string[]
}

interface Manifest {
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly peerDependenciesMeta?: Record<string, { readonly optional?: boolean }>
}

/** Whatever the manifest says, these are for those who ask for them. */
const alwaysOptional = ['@azure/msal-node', 'oidc-provider', 'redis', 'ioredis', '@redis/client']

/** What must not be loaded: what only development needs, and peers that may be absent. */
function optionalPackages(): ReadonlySet<string> {
  const manifest: Manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const { dependencies = {}, devDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest
  const isOptional = (name: string) => peerDependenciesMeta[name]?.optional === true
  const needed = [...Object.keys(dependencies), ...Object.keys(peerDependencies).filter((name) => !isOptional(name))]
  const others = [...Object.keys(devDependencies), ...Object.keys(peerDependencies).filter(isOptional)]
  return new Set([...alwaysOptional, ...others].filter((name) => !needed.includes(name)))
}

const packageOf = (file: string) => /.*node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file)?.[1]?.replace('\\', '/')

function countByPackage(files: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const file of files) {
    const name = packageOf(file) ?? 'fastify-entra'
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

async function probe<T>(...args: ['time', specifier: string] | ['time'] | ['files']): Promise<T> {
  const cores = findCores()?.server
  const { dir, remove } = temporaryDirectory()
  const child = Child.start({ script: 'children/import-probe.js', args, dir, cores })
  try {
    return await child.next<T>()
  } finally {
    await child.stop()
    remove()
  }
}

/** What an import costs a new process. @param specifier as a module of `bench/children` would write it */
export const timeImport = (specifier: string) => probe<{ ms: number; cpuMs: number }>('time', specifier)

export async function runImports({ rounds }: Pace, mistakes: string[]): Promise<Imports> {
  const times: number[] = []
  for (let round = 0; round < rounds * 3; round += 1) times.push((await probe<{ ms: number }>('time')).ms)
  const { files } = await probe<{ files: string[] }>('files')
  const own = files.filter((file) => !/bench[\\/]children[\\/]import-\w+\.js$/.test(file))
  const packages = countByPackage(own)
  const forbidden = optionalPackages()
  const optional = Object.keys(packages).filter((name) => forbidden.has(name))
  for (const name of optional) mistakes.push(`import 'fastify-entra' loads ${name}, which is optional`)
  return { ms: spread(times), modules: own.length, packages, optional }
}
