/** Sources compiled as `npm run build` does, without a look at types: a change may leave an import that is not used. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import ts from 'typescript'

/** A piece of source text, which occurs once in a file (a path below its root, without `.ts`), and what takes its place. */
export type Change = readonly [file: string, source: string, replacement: string]

/** TypeScript → JavaScript, one file. */
export function compile(text: string): string {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 }
  return ts.transpileModule(text, { compilerOptions }).outputText
}

/** What a compiled file is called. */
export const compiledName = (path: string) => path.replace(/\.ts$/, '.js')

/** Makes the changes that are for this file. */
export function changed(path: string, text: string, changes: readonly Change[]): string {
  return changes.reduce((before, [file, source, replacement]) => {
    if (`${file}.ts` !== path) return before
    const pieces = before.split(source)
    if (pieces.length !== 2) throw new Error(`${path} has ${pieces.length - 1} times: ${source}`)
    return pieces.join(replacement)
  }, text)
}

/** All sources below a folder, by their paths. */
export async function sourcesIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.ts'))
}

/** Compiles files of one folder into another one. */
export async function compileInto(
  target: string,
  root: string,
  paths: readonly string[],
  changes: readonly Change[] = []
) {
  const missing = changes.find(([file]) => !paths.includes(`${file}.ts`))
  if (missing) throw new Error(`there is no ${missing[0]}.ts in ${root}`)
  for (const path of paths) {
    const text = changed(path, await readFile(join(root, path), 'utf8'), changes)
    await mkdir(dirname(join(target, path)), { recursive: true })
    await writeFile(join(target, compiledName(path)), compile(text))
  }
}
