/** A second copy of the plugin, as two installed versions of the package are: compiled into a folder of its own, and changed where a test says. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import ts from 'typescript'

export type Plugin = typeof import('../../src/plugin/index.js')

/** A piece of source text, which occurs once, and what takes its place. */
export type Change = readonly [file: string, source: string, replacement: string]

const compile = (text: string) =>
  ts.transpileModule(text, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 } })
    .outputText

/** Goes with the test. */
export async function copyOfPlugin(t: Test, ...changes: readonly Change[]): Promise<Plugin> {
  // Inside the project, so that the copy finds its packages; where neither Git nor Biome looks.
  await mkdir('.tap', { recursive: true })
  const folder = await mkdtemp('.tap/copy-')
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const name of await readdir('src/plugin')) {
    let text = await readFile(join('src/plugin', name), 'utf8')
    for (const [, source, replacement] of changes.filter(([file]) => `${file}.ts` === name)) {
      if (text.split(source).length !== 2) throw new Error(`${name} does not have once: ${source}`)
      text = text.replace(source, replacement)
    }
    await writeFile(join(folder, name.replace(/\.ts$/, '.js')), compile(text))
  }
  return (await import(pathToFileURL(resolve(folder, 'index.js')).href)) as Plugin
}
