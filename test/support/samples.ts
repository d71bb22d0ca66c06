/** Samples of code in a document: found, and compiled as a reader would, strict and against the built package. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

/** The samples of a language in a text, in their order. */
export function samplesIn(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) => code)
}

/** What the compiler said, nothing where all is well, and the programs that it made. */
export interface Compiled {
  readonly said: string
  readonly programs: readonly string[]
  /** Absolute path of a file beside the programs, from where the package is found by its name. */
  path(name: string): string
}

/** Compiles TypeScript samples in a folder of the package that ends with the test. */
export async function compileSamples(t: Test, samples: readonly string[]): Promise<Compiled> {
  const folder = await mkdtemp(join('test', '.samples-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = (name: string) => resolve(folder, name)
  const files = samples.map((_, index) => `sample-${index}.ts`)
  await Promise.all(samples.map((code, index) => writeFile(path(`sample-${index}.ts`), code)))
  const compilerOptions = { rootDir: '.', outDir: '.', noEmit: false }
  await writeFile(
    path('tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, files, include: [] })
  )
  const { stdout } = await promisify(execFile)('node_modules/.bin/tsc', ['-p', folder]).catch(
    (error: { stdout: string }) => error
  )
  const programs = await Promise.all(samples.map((_, index) => readFile(path(`sample-${index}.js`), 'utf8')))
  return { said: stdout, programs, path }
}
