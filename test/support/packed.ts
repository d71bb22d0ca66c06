/** The package as its users get it: packed, and installed into projects of temporary folders. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

export const run = promisify(execFile)

/** Tests load hooks into each Node.js that they start; a user's project has none. */
export const usersEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^_?TAP|^NODE_/.test(name))
)

/** A folder that ends with the test. */
export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fastify-entra-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Packs the built package into a folder; `paths` are the files in the tarball. */
export async function pack(folder: string): Promise<{ tarball: string; paths: string[] }> {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder])
  const [{ filename = '', files = [] } = {}] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
  return { tarball: join(folder, filename), paths: files.map(({ path }) => path) }
}

/** Makes an ES module project of a folder, and installs packages, or options of npm, into it. */
export async function install(folder: string, ...packages: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], { cwd: folder })
}

/** Settings under which a careful reader compiles. */
export const strict = {
  ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
  ...{ module: 'nodenext', target: 'es2023', types: ['node'] }
}

/** Compiles files of a project. @returns what the compiler said, nothing where all is well */
export async function compileFiles(
  folder: string,
  files: Record<string, string>,
  options: object = {}
): Promise<string> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const compilerOptions = { ...strict, ...options }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(files) }))
  const said = await run(resolve('node_modules/.bin/tsc'), ['-p', folder]).catch((error: { stdout: string }) => error)
  return said.stdout
}
