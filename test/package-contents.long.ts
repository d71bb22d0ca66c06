/** The package as its users get it: packed, installed into an empty folder beside Fastify, imported, type-checked. */
import { access, constants, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'
import { compileFiles, install, pack, run, temporaryFolder } from './support/packed.js'
import { samplesIn } from './support/samples.js'
import { entryPoints } from './support/surface.js'
import { clientId, startTestTenant, tenantId } from './support/tenant.js'

t.test('the tarball', async (t) => {
  const folder = await temporaryFolder(t)
  const { tarball, paths } = await pack(folder)

  t.test('holds the plugin, and neither the server, the tenant nor tests', async (t) => {
    t.ok(paths.includes('dist/plugin/index.js') && paths.includes('dist/plugin/index.d.ts'))
    for (const path of paths) t.match(path, /^(dist\/plugin\/[\w/-]+\.(js|d\.ts)|[A-Z]+(\.md)?|package\.json)$/)
  })

  t.test('its command can be executed after each build: npx links to it in the clone', async (t) => {
    await t.resolves(access('dist/plugin/command/main.js', constants.X_OK))
  })

  t.test('holds whatever its files import of each other', async (t) => {
    const imports = /(?:from|import\(?) ?'(\.[^']+)'/g
    for (const path of paths.filter((each) => /\.(js|d\.ts)$/.test(each))) {
      const imported = [...(await readFile(path, 'utf8')).matchAll(imports)].map(([, to = '']) =>
        join(dirname(path), to)
      )
      const types = (each: string) => (path.endsWith('.d.ts') ? each.replace(/\.js$/, '.d.ts') : each)
      t.same(
        imported.map(types).filter((each) => !paths.includes(each)),
        [],
        path
      )
    }
  })

  t.test('works with Fastify as the only other package', async (t) => {
    const { version } = JSON.parse(await readFile('node_modules/fastify/package.json', 'utf8')) as { version: string }
    await install(folder, tarball, `fastify@${version}`, '@types/node@20')
    const program = `
      const { default: entra, requireScope } = await import('fastify-entra')
      const { default: Fastify } = await import('fastify')
      const app = Fastify()
      await app.register(entra, { tenantId: crypto.randomUUID(), clientId: crypto.randomUUID(), authority: 'http://127.0.0.1:9' })
      app.get('/', { preHandler: requireScope('a') }, () => 'secret')
      console.log((await app.inject('/')).statusCode)
      await app.close()`
    t.equal((await run('node', ['--input-type=module', '-e', program], { cwd: folder })).stdout, '401\n')
    const installed = await readdir(join(folder, 'node_modules'))
    const serverOnly = ['@fastify/cors', '@fastify/swagger', 'close-with-grace', 'oidc-provider', 'yaml']
    t.same(
      installed.filter((name) => serverOnly.includes(name)),
      [],
      'nobody pays for the server'
    )
  })

  t.test('loads @azure/msal-node at registration where downstream is given, and else never', async (t) => {
    const program = `
      const { default: entra } = await import('fastify-entra')
      const { default: Fastify } = await import('fastify')
      const app = Fastify()
      const downstream = process.env.DOWNSTREAM && { downstream: { clientSecret: 'a secret' } }
      const ids = { tenantId: crypto.randomUUID(), clientId: crypto.randomUUID(), authority: 'http://127.0.0.1:9' }
      await app.register(entra, { ...ids, ...downstream }).then(
        () => console.log('registered'),
        (error) => console.log(error.message)
      )
      if (app.entra) await app.entra.tokenForApp('api://other/.default').catch((error) => console.log(error.message))
      await app.close()`
    const outcome = async (DOWNSTREAM: string) => {
      const env = { ...process.env, DOWNSTREAM }
      return (await run('node', ['--input-type=module', '-e', program], { cwd: folder, env })).stdout
    }
    t.equal(await outcome('1'), 'downstream needs the package @azure/msal-node; install it beside fastify-entra\n')
    const msal = join(folder, 'node_modules', '@azure', 'msal-node')
    await mkdir(msal, { recursive: true })
    await writeFile(
      join(msal, 'package.json'),
      '{ "name": "@azure/msal-node", "type": "module", "exports": "./index.js" }'
    )
    await writeFile(join(msal, 'index.js'), "console.log('loaded'); export const ConfidentialClientApplication = null")
    t.match(await outcome('1'), /^loaded\nregistered\n/)
    t.match(
      await outcome(''),
      /^registered\ntokenForApp\(\) without a tenantId matches no tenant with the option downstream/
    )
    await writeFile(join(msal, 'index.js'), "throw new Error('broken')")
    t.equal(await outcome('1'), 'broken\n', 'what is wrong with the package is said as it is')
    await rm(msal, { recursive: true })
  })

  t.test('the verifier needs no Fastify, and neither do its types', async (t) => {
    const alone = await temporaryFolder(t)
    await install(alone, tarball, '@types/node@20', '@types/express@5')
    t.notOk((await readdir(join(alone, 'node_modules'))).includes('fastify'), 'nobody installed it')
    const samples = samplesIn(await readFile('docs/verifier.md', 'utf8'), 'ts')
    t.equal(samples.length, 3)
    const files = Object.fromEntries(samples.map((sample, at) => [`sample-${at}.ts`, sample]))
    t.equal(await compileFiles(alone, files), '')
    const tenant = await startTestTenant(t)
    const program = `
      const [{ onMessage }, { requireToken }, { orders }] = await Promise.all(
        [0, 1, 2].map((at) => import('./sample-' + at + '.js')))
      const { user, app } = JSON.parse(process.env.TOKENS)
      const said = [await onMessage({ token: app, order: 'x' }), await onMessage({ token: user, order: 'x' }).catch((e) => e.code)]
      const answer = { locals: {}, status(code) { said.push(code); return this }, set() { return this }, json(body) { said.push(body.code) } }
      const headers = (token) => ({ authorization: token && 'Bearer ' + token, get: () => token && 'Bearer ' + token })
      await requireToken({ headers: headers(user) }, answer, () => said.push('next'))
      await requireToken({ headers: headers() }, answer, () => said.push('next'))
      for (const token of [user, undefined]) said.push((await orders({ headers: headers(token) }, { invocationId: '1' })).status)
      console.log(JSON.stringify(said))
      process.exit()`
    for (const at of samples.keys()) {
      const path = join(alone, `sample-${at}.js`)
      const own = `authority: '${tenant.origin}', tenantId:`
      await writeFile(path, (await readFile(path, 'utf8')).replace('tenantId:', own))
    }
    const TOKENS = JSON.stringify({
      user: await tenant.userToken({ scp: 'Orders.Read' }),
      app: await tenant.appToken({ roles: ['Orders.Write.All'] })
    })
    const env = { ...process.env, ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, TOKENS }
    const { stdout } = await run('node', ['--input-type=module', '-e', program], { cwd: alone, env })
    const [ordered, ...rest] = JSON.parse(stdout) as string[]
    t.match(ordered, / ordered x$/)
    t.same(rest, ['insufficient_permissions', 'next', 401, 'credentials_missing', 200, 401])
  })

  t.test('an app’s own request.user and app.jwt keep their types', async (t) => {
    const source = `
      import Fastify from 'fastify'
      import entra from 'fastify-entra'
      declare module 'fastify' {
        interface FastifyRequest { user: { own: string } }
        interface FastifyInstance { jwt: 'own' }
      }
      const app = Fastify()
      await app.register(entra, { tenantId: 't', clientId: 'c' })
      app.get('/', (request): string => request.user.own + app.jwt)
      // @ts-expect-error nobody declared it
      app.get('/', (request) => request.jwtVerify())`
    t.equal(await compileFiles(folder, { 'own.ts': source }), '')
  })

  t.test('type errors say what is allowed; any Fastify instance takes the plugin and its guards', async (t) => {
    const source = `
      import Fastify, { type FastifyBaseLogger } from 'fastify'
      import entra, { allOf, anyOf, requirePolicy, requireScope } from 'fastify-entra'
      const read = requireScope('a')
      const own = requirePolicy('own', (_principal, request) => request.url !== '')
      const options = { tenantId: 't', clientId: 'c', prefix: '/x', logLevel: 'warn' } as const
      const h2 = Fastify({ http2: true })
      await h2.register(entra, options)
      h2.get('/', { config: { auth: read }, preHandler: [read, own] }, ({ principal }) => principal.isGuest)
      declare const own_: FastifyBaseLogger & { readonly more: 1 }
      const logged = Fastify({ loggerInstance: own_ })
      await logged.register(entra, options)
      logged.get('/', { config: { auth: read }, preHandler: anyOf(read, own) }, ({ principal }) => principal.isGuest)
      h2.get('/wrong', { config: { auth: 'non' } }, () => '')
      anyOf([read, own])
      allOf([read])`
    const said = await compileFiles(folder, { 'messages.ts': source })
    t.match(said, 'AllowedAuth<"required, optional, none, or one guard">')
    t.match(said, 'anyOf takes guards, not a list: write anyOf(a, b), not anyOf([a, b])')
    t.match(said, 'allOf takes guards, not a list: write allOf(a, b), not allOf([a, b])')
    t.equal(said.match(/error TS/g)?.length, 3)
  })

  t.test('esbuild bundles it where @azure/msal-node is not installed', async (t) => {
    const entry = join(folder, 'bundled.mjs')
    await writeFile(
      entry,
      "import entra, { requireScope } from 'fastify-entra'; console.log(typeof entra, typeof requireScope)"
    )
    const outfile = join(folder, 'bundle.cjs')
    await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'cjs', logLevel: 'silent' })
    t.equal((await run('node', [outfile])).stdout, 'function function\n')
  })

  t.test('what is for tests is loaded by no other entry point, and is in no bundle of an app', async (t) => {
    const entry = join(folder, 'production.mjs')
    await writeFile(
      entry,
      `import entra from 'fastify-entra'
       import { createVerifier } from 'fastify-entra/verifier'
       console.log(typeof entra, typeof createVerifier)`
    )
    const shared = { bundle: true, platform: 'node', format: 'esm', write: false, metafile: true } as const
    const inputsOf = async (file: string) => {
      const { metafile } = await build({ entryPoints: [file], ...shared, packages: 'external', alias: await ours() })
      return Object.keys(metafile.inputs).filter((path) => path.includes('dist/plugin/testing/'))
    }
    const ours = async () => ({
      'fastify-entra/testing': join(folder, 'node_modules/fastify-entra/dist/plugin/testing/index.js'),
      'fastify-entra/verifier': join(folder, 'node_modules/fastify-entra/dist/plugin/verifier-index.js'),
      'fastify-entra': join(folder, 'node_modules/fastify-entra/dist/plugin/index.js')
    })
    t.same(await inputsOf(entry), [])
    const tests = join(folder, 'tests.mjs')
    await writeFile(tests, "export { createTestTenant } from 'fastify-entra/testing'")
    t.ok((await inputsOf(tests)).length > 5, 'and it would be seen')
  })

  t.test('every entry point can be imported, and its types are sound, by the compiler, publint and attw', async (t) => {
    const { exports } = JSON.parse(await readFile('package.json', 'utf8')) as { exports: Record<string, unknown> }
    const specifiers = (await entryPoints()).map(({ specifier }) => specifier)
    t.same(
      [...specifiers, 'fastify-entra/package.json'],
      Object.keys(exports).map((path) => `fastify-entra${path.slice(1)}`)
    )
    const imports = specifiers.map((each, at) => `import * as entry${at} from '${each}'`).join('\n')
    const program = `${imports}\nconsole.log(${specifiers.map((_, at) => `Object.keys(entry${at}).length > 0`)})`
    t.equal(await compileFiles(folder, { 'entries.ts': program }), '')
    t.equal((await run('node', ['entries.js'], { cwd: folder })).stdout, `${specifiers.map(() => true).join(' ')}\n`)

    await t.resolves(run(resolve('node_modules/.bin/publint'), ['run', tarball, '--strict']))
    const attw = [tarball, '--profile', 'esm-only', '--format', 'json']
    const { stdout } = await run(resolve('node_modules/.bin/attw'), attw, { maxBuffer: 64 * 1024 * 1024 })
    const { analysis } = JSON.parse(stdout) as { analysis: { entrypoints: Record<string, unknown> } }
    t.same(Object.keys(analysis.entrypoints), Object.keys(exports), 'attw looked at each')
  })
})
