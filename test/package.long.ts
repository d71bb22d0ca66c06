/**
 * The package in projects of its users: each kind of project compiles and runs one API, on each version of Node.js that has one row in
 * docs/compatibility.md. It installs packages from the registry, and takes minutes, so that it is a step of `.ci/run` only.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import * as programs from './package/programs.js'
import { compileFiles, install, pack, run, temporaryFolder, usersEnvironment } from './support/packed.js'
import { clientId, startTestTenant, tenantId } from './support/tenant.js'

const { check, expected } = programs
const folder = await temporaryFolder(t)
const { tarball } = await pack(folder)
const tenant = await startTestTenant(t)
const env = {
  ...usersEnvironment,
  ...{ TENANT_ID: tenantId, CLIENT_ID: clientId, AUTHORITY: tenant.origin },
  GOOD: await tenant.userToken({ scp: 'Orders.Read', roles: ['Admin'] }),
  PLAIN: await tenant.userToken()
}

/** The oldest Node.js that `engines` allows, and the newest of each line that is in use. */
const versions = ['20.18.1', '20', '22', '24', '26']
const nodes = new Map<string, string>()
const node = async (version: string): Promise<string> => {
  const args = ['-y', '-p', `node@${version}`, '--', 'node', '-p', 'process.execPath']
  const path = nodes.get(version) ?? (await run('npx', args, { cwd: folder, env: usersEnvironment })).stdout.trim()
  nodes.set(version, path)
  return path
}

/** Runs a program until it ends by itself. @returns what it printed, of an error what it printed on stderr */
async function output(program: string, file: string, more: Record<string, string> = {}): Promise<string> {
  const options = { cwd: join(file, '..'), env: { ...env, ...more } }
  const said = await run(program, [file], options).catch((error: Error & { stdout: string; stderr: string }) => error)
  return said.stdout || said.stderr || String(said)
}
async function answers(t: Test, program: string, file: string, name: string): Promise<void> {
  const text = await output(program, file)
  t.same(text.startsWith('{') ? JSON.parse(text) : text, expected, name)
}

const smoke = { 'check.ts': check, 'smoke.ts': programs.esm }
const { version: ourFastify } = JSON.parse(await readFile('node_modules/fastify/package.json', 'utf8')) as {
  version: string
}
const ofNest = ['@nestjs/common@12', '@nestjs/core@12', '@nestjs/platform-fastify@12', 'reflect-metadata', 'rxjs']
const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true, skipLibCheck: true }

t.test('Fastify 5, this repository’s', async (t) => {
  const project = join(folder, 'current')
  const at = (name: string) => join(project, name)
  await install(project, '--ignore-scripts', tarball, `fastify@${ourFastify}`, '@types/node@20', 'webpack@5', 'bun@1')

  t.test('strict TypeScript, ES modules', async (t) => {
    t.equal(await compileFiles(project, smoke, { skipLibCheck: false }), '')
    for (const version of versions) await answers(t, await node(version), at('smoke.js'), `Node.js ${version}`)
  })

  t.test('CommonJS: require of an ES module needs Node.js 20.19 or 22.12', async (t) => {
    const inner = at('common')
    await mkdir(inner)
    await writeFile(join(inner, 'package.json'), '{ "type": "commonjs" }')
    const files = { 'check.ts': check, 'smoke.ts': programs.commonJs }
    t.equal(await compileFiles(inner, files), '')
    t.match(await readFile(join(inner, 'smoke.js'), 'utf8'), 'require("fastify-entra")')
    for (const version of ['20.19.0', '22.12.0', ...versions.slice(1)])
      await answers(t, await node(version), join(inner, 'smoke.js'), `Node.js ${version}`)
    for (const version of ['20.18.1', '22.11.0'])
      t.match(await output(await node(version), join(inner, 'smoke.js')), 'ERR_REQUIRE_ESM', `Node.js ${version}`)
  })

  t.test('bundles, away from any package', async (t) => {
    const away = join(folder, 'away')
    await mkdir(away)
    const require = "import { createRequire } from 'module'; const require = createRequire(import.meta.url);"
    const shared = {
      entryPoints: [at('smoke.js')],
      bundle: true,
      platform: 'node' as const,
      logLevel: 'silent' as const
    }
    await build({ ...shared, format: 'cjs', outfile: join(away, 'esbuild.cjs') })
    await build({ ...shared, format: 'esm', banner: { js: require }, outfile: join(away, 'esbuild.mjs') })
    await writeFile(at('build.js'), programs.webpackBuild)
    t.equal(
      (await run(await node('22'), ['build.js'], { cwd: project, env: usersEnvironment })).stdout.trim(),
      '',
      'no warning'
    )
    await copyFile(at('webpack.cjs'), join(away, 'webpack.cjs'))
    const files = ['esbuild.cjs', 'esbuild.mjs', 'webpack.cjs'].map((name) => join(away, name))
    for (const file of files) {
      await answers(t, process.execPath, file, file)
      const sentence = 'downstream needs the package @azure/msal-node; install it beside fastify-entra\n'
      t.equal(await output(process.execPath, file, { SECRET: 'a secret' }), sentence, file)
    }
    const msal = join(away, 'node_modules', '@azure', 'msal-node')
    await mkdir(msal, { recursive: true })
    await writeFile(join(msal, 'package.json'), '{ "type": "module", "exports": "./index.js" }')
    await writeFile(join(msal, 'index.js'), "throw new Error('loaded where the bundle runs')")
    for (const file of files)
      t.equal(await output(process.execPath, file, { SECRET: 'a secret' }), 'loaded where the bundle runs\n', file)
  })

  t.test('Bun', async (t) => {
    const [platform = ''] = await readdir(at(join('node_modules', '@oven')))
    await answers(
      t,
      at(join('node_modules', '@oven', platform, 'bin', 'bun')),
      at('smoke.ts'),
      'starts, answers, closes'
    )
  })
})

t.test('NestJS on Fastify, one copy of Fastify', async (t) => {
  const project = join(folder, 'nest')
  await install(project, tarball, '@types/node@20', ...ofNest)
  const files = {
    'nest.ts': programs.nest,
    'undeclared.ts': programs.nestUndeclared,
    'own.ts': programs.nestsOwnFastify
  }
  t.equal(await compileFiles(project, { ...files, 'check.ts': check }, decorators), '')
  for (const version of versions) await answers(t, await node(version), join(project, 'nest.js'), `Node.js ${version}`)
  t.match(
    await output(process.execPath, join(project, 'undeclared.js')),
    /^strictRoutes: neither a guard nor config\.auth is declared for GET \/open;/
  )
})

t.test('Fastify 5.0.0; NestJS beside it with a copy of its own', async (t) => {
  const project = join(folder, 'oldest')
  await install(project, tarball, 'fastify@5.0.0', '@types/node@20', ...ofNest)
  t.ok(
    (await readdir(join(project, 'node_modules/@nestjs/platform-fastify/node_modules'))).includes('fastify'),
    'two copies'
  )
  t.equal(await compileFiles(project, { ...smoke, 'nest.ts': programs.nest }, decorators), '')
  for (const version of versions) {
    await answers(t, await node(version), join(project, 'smoke.js'), `Fastify, Node.js ${version}`)
    await answers(t, await node(version), join(project, 'nest.js'), `NestJS, Node.js ${version}`)
  }
  const said = await compileFiles(project, { 'own.ts': programs.nestsOwnFastify }, decorators)
  t.match(said, /own\.ts\(\d+,\d+\): error TS2339: Property 'principal' does not exist on type 'FastifyRequest/)
  t.equal(said.trim().split('\n').length, 1, 'one line')
})

t.test('the newest Fastify 6', async (t) => {
  const project = join(folder, 'next')
  const every = JSON.parse((await run('npm', ['view', 'fastify', 'versions', '--json'])).stdout) as string[]
  const newest = every.filter((version) => version.startsWith('6.')).at(-1)
  t.comment(newest)
  await install(project, '--legacy-peer-deps', tarball, `fastify@${newest}`, '@types/node@20')
  t.equal(await compileFiles(project, smoke), '')
  // Fastify 6 calls Promise.withResolvers(), which Node.js 20 does not have.
  for (const version of ['22', '24', '26'])
    await answers(t, await node(version), join(project, 'smoke.js'), `Node.js ${version}`)
})
