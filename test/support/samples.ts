/** Samples of code in a document: found, and compiled as a reader would, strict and against the built package. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import { unwatched } from './process.js'
import { clientId, seconds, tenantId } from './tenant.js'

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
  // Without the project's own paths: the samples import the built package, as its users do.
  const compilerOptions = { rootDir: '.', outDir: '.', noEmit: false, paths: {} }
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

const runner = `
for (const file of process.argv.slice(1)) {
  const { app } = await import(file)
  console.log(app.server.listening ? app.listeningOrigin : await app.listen({ host: '127.0.0.1', port: 0 }))
}`

/**
 * Runs what the compiler made, with plain Node.js, which takes the built package and is no part of the tests' coverage.
 *
 * @param edit what a program needs to run here
 * @returns the address of the `app` that each program exports
 */
export async function runSamples(
  t: Test,
  { programs, path }: Compiled,
  edit: (program: string) => string = (program) => program
): Promise<string[]> {
  const files = programs.map((_, index) => path(`sample-${index}.js`))
  await Promise.all(files.map((file, index) => writeFile(file, edit(String(programs[index])))))
  const child = spawn(process.execPath, ['--input-type=module', '-e', runner, ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH }
  })
  t.teardown(() => child.kill('SIGKILL'))
  const addresses: string[] = []
  for await (const line of createInterface(child.stdout)) {
    addresses.push(line)
    if (addresses.length === files.length) break
  }
  return addresses
}

/** An access token of the embedded tenant; `undefined` takes a claim out. */
export function signed(tenant: Tenant, claims: Record<string, unknown>): Promise<string> {
  const iat = seconds() - 600
  const spa = tenant.description.clients.find(({ name }) => name === 'spa')
  return tenant.sign({
    iss: tenant.issuer,
    aud: tenant.description.api.clientId,
    tid: tenant.tenantId,
    oid: '40000000-0000-4000-8000-0000000000ff',
    sub: 'pairwise-subject',
    acct: 0,
    azp: spa?.clientId,
    azpacr: '0',
    scp: 'access_as_user Directory.Read',
    ver: '2.0',
    iat,
    nbf: iat,
    exp: iat + 3600,
    ...claims
  })
}

/** The program as it is, but for the tenant: the embedded one, by its own IDs and at its own address. */
export function pointedAt({ origin, tenantId: id, description }: Tenant, program: string): string {
  const registered = 'await app.register(entra, {'
  for (const part of [registered, tenantId, clientId]) if (!program.includes(part)) throw new Error(`no ${part}`)
  return program
    .replace(registered, `${registered} authority: '${origin}',`)
    .replaceAll(tenantId, id)
    .replaceAll(clientId, description.api.clientId)
}

/**
 * Runs programs that are tests for node:test.
 *
 * @returns how many tests passed
 * @throws Error with the report when one fails
 */
export async function runTests({ programs, path }: Compiled): Promise<number> {
  const files = programs.map((_, index) => path(`sample-${index}.js`))
  const program = ['--test', '--test-reporter=tap', ...files]
  const command = [...unwatched, process.execPath, ...program]
  const { stdout } = await promisify(execFile)('env', command, { env: { PATH: process.env.PATH } })
  return Number(/^# pass (\d+)$/m.exec(stdout)?.[1])
}
