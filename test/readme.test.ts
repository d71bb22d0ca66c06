/** The code of the README and of its pages is compiled as a reader would: strict, against the built package. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

t.test('every TypeScript sample compiles', async (t) => {
  const pages = await Promise.all(['README.md', 'docs/downstream.md'].map((page) => readFile(page, 'utf8')))
  const samples = [...pages.join('\n').matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
  t.ok(samples.length > 0, 'there are samples')
  const folder = await mkdtemp(join('test', '.readme-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const files = samples.map((_, index) => `sample-${index}.ts`)
  await Promise.all(samples.map(([, code = ''], index) => writeFile(join(folder, `sample-${index}.ts`), code)))
  const config = { extends: '../../tsconfig.json', compilerOptions: { rootDir: '../..' }, files, include: [] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { stdout } = await promisify(execFile)('node_modules/.bin/tsc', ['-p', folder]).catch(
    (error: { stdout: string }) => error
  )
  t.equal(stdout, '')
})
