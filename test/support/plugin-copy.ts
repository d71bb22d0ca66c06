/** A second copy of the plugin, as two installed versions of the package are: compiled into a folder of its own, and changed where a test says. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { type Change, compileInto, sourcesIn } from './compile.js'

export type { Change } from './compile.js'
export type Plugin = typeof import('../../src/plugin/index.js')

/** Goes with the test. */
export async function copyOfPlugin(t: Test, ...changes: readonly Change[]): Promise<Plugin> {
  // Inside the project, so that the copy finds its packages; where neither Git nor Biome looks.
  await mkdir('.tap', { recursive: true })
  const folder = await mkdtemp('.tap/copy-')
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await compileInto(folder, 'src/plugin', await sourcesIn('src/plugin'), changes)
  return (await import(pathToFileURL(resolve(folder, 'index.js')).href)) as Plugin
}
