/** The first tests of `docs/testing.md`, as a new project has them: the packed package, under each test runner. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { compile } from '../../support/compile.js'
import { samplesIn } from '../../support/samples.js'

const run = promisify(execFile)

interface Runner {
  readonly packages: readonly string[]
  /** What takes the place of the import of node:test. */
  readonly test: string
  readonly command: readonly string[]
  readonly files?: Readonly<Record<string, string>>
}

const fromNode = "import { test } from 'node:test'"
const jest = JSON.stringify({ testEnvironment: 'node', transform: {}, testMatch: ['**/*.test.js'] })

const runners: Readonly<Record<string, Runner>> = {
  'node:test': { packages: [], test: fromNode, command: ['node', '--test'] },
  'vitest 4': { packages: ['vitest@4'], test: "import { test } from 'vitest'", command: ['npx', 'vitest', 'run'] },
  'Jest 30': {
    packages: ['jest@30'],
    test: "import { test } from '@jest/globals'",
    // On Node.js 20 it cannot load a package of Fastify's `inject` (Jest: "ECMAScript Modules", require of ESM).
    command: [
      'npx',
      '-y',
      '-p',
      'node@24',
      '--',
      'node',
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      '--ci'
    ],
    files: { 'jest.config.json': jest }
  },
  tap: {
    packages: ['tap@21'],
    test: "import { test } from 'tap'",
    command: ['npx', 'tap', '--disable-coverage', '--allow-empty-coverage']
  }
}

/** Without what this run of tap says to its children. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|_?TAP|npm_)/i.test(name)))

t.test('the tests of a new project, under each runner', async (t) => {
  const packed = await mkdtemp(join(tmpdir(), 'fastify-entra-packed-'))
  t.teardown(() => rm(packed, { recursive: true, force: true }))
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', packed])
  const [{ filename = '' } = {}] = JSON.parse(stdout) as { filename: string }[]
  const { version } = JSON.parse(await readFile('node_modules/fastify/package.json', 'utf8')) as { version: string }
  const [sample = ''] = samplesIn(await readFile('docs/testing.md', 'utf8'), 'ts')
  const broken = `${sample}
test('a cache before the guard is found', async () => {
  const tenant = await createTestTenant()
  const app = Fastify()
  await app.register(entra, tenant.options)
  const cache = async (_request, reply) => reply.send('cached')
  app.get('/leak', { preHandler: [cache, requireRole('Admin')] }, async () => 'secret')
  await assert.rejects(expectGuarded(app), { name: 'AssertionError', message: /GET \\/leak with an unrelated token/ })
  await app.close()
})
`
  t.match(sample, fromNode)
  for (const [name, { packages, test, command, files = {} }] of Object.entries(runners))
    await t.test(name, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'fastify-entra-runner-'))
      t.teardown(() => rm(folder, { recursive: true, force: true }))
      await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
      const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', join(packed, filename)]
      await run('npm', [...install, `fastify@${version}`, ...packages], { cwd: folder, env, timeout: 300_000 })
      for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text)
      const asJavaScript = compile(broken)
      t.ok(asJavaScript.includes(fromNode))
      const write = (text: string) => writeFile(join(folder, 'app.test.js'), text.replace(fromNode, test))
      const [program = '', ...rest] = command
      const outcome = () =>
        run(program, rest, { cwd: folder, env, timeout: 120_000 }).then(
          () => 'passes',
          ({ stdout = '', stderr = '' }) => `${stdout}\n${stderr}`
        )
      await write(asJavaScript)
      t.equal(await outcome(), 'passes')
      await write(
        asJavaScript.replace(
          "requireRole('Admin') } }, async ({ principal })",
          "requireScope('access_as_user') } }, async ({ principal })"
        )
      )
      t.match(await outcome(), /200 (!==|to (equal|be))? ?403|403/, 'and fails where a route has another guard')
    })
})
