/** `fastify-entra routes`: the access matrix of an app in a process of its own, and what changed in it. */
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import t from 'tap'
import { factsOfApp } from '../../../src/plugin/command/app-process.js'
import { rowsIn } from '../../../src/plugin/command/route-table.js'
import { run } from '../../../src/plugin/command/run.js'
import { readInput, tokenIn } from '../../../src/plugin/command/token-input.js'
import { startTestTenant } from '../../support/tenant.js'

const apps = join(import.meta.dirname, 'apps')
const folder = await mkdtemp(join(tmpdir(), 'fastify-entra-routes-'))
const routes = (app: string, ...args: string[]) => run(['routes', join(apps, app), ...args], {}, async () => '')

const version2 = '/orders {"version":"2.0"}'
const table = [
  ...['GET ', 'HEAD'].map((method) => `${method}  ${'/orders/:id'.padEnd(version2.length)}  the scope Orders.Read`),
  ...['GET ', 'HEAD'].map((method) => `${method}  ${'/health'.padEnd(version2.length)}  anyone`),
  `POST  ${version2}  the role Admin, held by a user, or the application permission Orders.Write.All`
]

t.test('every way to export an app', async (t) => {
  for (const app of ['app.ts', 'made.ts', 'common.cjs'])
    t.same(await routes(app), { exitCode: 0, out: `${table.join('\n')}\n`, err: '' }, app)
})

t.test('written to a file, and compared with it', async (t) => {
  for (const format of ['markdown', 'json']) {
    const file = join(folder, `access.${format}`)
    const { exitCode, out } = await routes('app.ts', '--format', format)
    t.equal(exitCode, 0)
    await writeFile(file, `\uFEFF${out.replaceAll('\n', '\r\n')}`) // an editor of another system saved it
    t.match(await routes('app.ts', '--check', file), { exitCode: 0, out: '', err: /^5 routes, callers as in / })
    const { exitCode: changed, out: changes, err } = await routes('changed.ts', '--check', file)
    t.equal(changed, 1)
    t.same(changes.split('\n'), [
      'changed  GET /orders/:id: any valid token; before: the scope Orders.Read',
      'changed  HEAD /orders/:id: any valid token; before: the scope Orders.Read',
      'new      DELETE /orders/a|b\\: the scope Orders.Delete',
      'new      operation orders.cancel: the role Admin, held by a user',
      'gone     GET /health; before: anyone',
      'gone     HEAD /health; before: anyone',
      'gone     POST /orders {"version":"2.0"}; before: the role Admin, held by a user, or the application permission Orders.Write.All',
      ''
    ])
    t.match(err, /^if that is meant, write .* again with --format\n$/)
  }
})

t.test('routes that differ in a regular expression, or in an object, or have an invisible character', async (t) => {
  for (const format of ['markdown', 'json']) {
    const file = join(folder, `hosts.${format}`)
    const { out } = await routes('hosts.ts', '--format', format)
    t.notMatch(out, /[\u202e\u009b]/)
    await writeFile(file, out)
    t.match(await routes('hosts.ts', '--check', file), { exitCode: 0, out: '' })
    const { exitCode, out: changes } = await routes('hosts-open.ts', '--check', file)
    t.equal(exitCode, 1)
    t.same(changes.split('\n'), [
      ...['GET', 'HEAD'].map(
        (method) => `changed  ${method} / {"host":"/^admin/"}: anyone; before: the role Admin, held by a user`
      ),
      'changed  POST / {"tier":"{ paid: true }"}: anyone; before: the role Admin, held by a user',
      ''
    ])
  }
  const same = [
    { method: 'GET', route: '/', callers: 'the role A' },
    { method: 'GET', route: '/', callers: 'anyone' }
  ]
  const file = join(folder, 'same.json')
  await writeFile(file, JSON.stringify(same))
  t.match((await routes('app.ts', '--check', file)).out, 'gone     GET /; before: the role A; and anyone\n')
})

t.test('an app that sends messages of its own, and one that never becomes ready', async (t) => {
  t.same(await routes('managed.ts'), { exitCode: 0, out: `${table.join('\n')}\n`, err: '' })
  const message = /hangs\.ts: it is not ready and closed after 1 seconds; look for a promise that never settles$/
  await t.rejects(factsOfApp(join(apps, 'hangs.ts'), undefined, 1), { name: 'CommandFailure', message })
})

t.test('the process of an app ends with the command that started it, also while it loads', async (t) => {
  for (const event of ['spawn', 'data'] as const) {
    const child = fork('src/plugin/command/app-child.ts', [join(apps, 'hangs.ts'), 'null'], {
      execArgv: ['--import=./test/support/canary.js', '--import=tsx'],
      silent: true
    })
    t.teardown(() => child.kill('SIGKILL'))
    await once(event === 'spawn' ? child : (child.stdout as Readable), event)
    child.disconnect()
    t.same(await once(child, 'exit'), [0, null], event)
  }
})

t.test('an input without end is read as far as a token can reach', async (t) => {
  let chunks = 0
  const endless = async function* () {
    for (;;) {
      chunks += 1
      yield Buffer.alloc(100_000, 'a')
    }
  }
  const input = await readInput(endless())
  t.equal(chunks, 11)
  t.throws(() => tokenIn(input), {
    name: 'CommandFailure',
    message: 'the standard input is too long for a token; give one token'
  })
})

t.test('a token in place of a module, a file or an option is not shown', async (t) => {
  const token = await (await startTestTenant(t)).userToken()
  const [id, masked] = [crypto.randomUUID(), /\[masked\]/]
  for (const args of [
    ['routes', token],
    ['routes', 'a', '--check', token],
    ['manifest', token, '--client', id],
    ['explain', '--tenant', token, '--client', id],
    ['explain', '--tenant', id, '--client', `Bearer ${token}`]
  ]) {
    const { exitCode, out, err } = await run(args, {}, async () => token)
    t.match({ exitCode, out, err }, { exitCode: 2, out: '', err: masked }, args.join(' ').slice(0, 20))
    t.notOk(token.split('.').some((part) => err.includes(part.slice(0, 20))))
  }
})

t.test('Markdown keeps what a table would take for its own', async (t) => {
  const { out } = await routes('changed.ts', '--format', 'markdown')
  t.match(out, String.raw`| DELETE | /orders/a\|b\\ | the scope Orders.Delete |`)
  const deleted = { method: 'DELETE', route: '/orders/a|b\\', callers: 'the scope Orders.Delete' }
  t.same(rowsIn(out)?.at(-2), deleted)
})

t.test('what is no app: one sentence, exit status 2', async (t) => {
  const cases: [app: string, says: RegExp][] = [
    ['missing.ts', /missing\.ts: Error: Cannot find module/],
    ['nothing.ts', /nothing\.ts: it has no app as its default export; export default .* does not listen/],
    ['throws.ts', /throws\.ts: EntraConfigurationError: clientId is missing/],
    ['listens.ts', /listens\.ts: its app listens already; export it without listen\(\)/],
    ['listens-twice.ts', /listens-twice\.ts: its app listens \(listen EADDRINUSE: .*\); export it without listen\(\)/],
    ['without.ts', /without\.ts: its app has no fastify-entra; register it on the root instance/],
    ['ends.ts', /ends\.ts: its process ended before the app was ready/]
  ]
  for (const [app, says] of cases) {
    const { exitCode, out, err } = await routes(app)
    t.equal(exitCode, 2, app)
    t.equal(out, '', app)
    t.match(err, says)
    t.match(err, /^[^\n]+\n$/, 'one line')
  }
})

t.test('what is no file of this command, and what is no use of it', async (t) => {
  const file = join(folder, 'other.md')
  const bad = ['# Notes\n', '[{"method":"GET"}]', '[', '{}', '| method | route | callers |\n|---|---|---|\n| GET |\n']
  for (const text of bad) {
    await writeFile(file, text)
    t.match(
      await routes('app.ts', '--check', file),
      { exitCode: 2, err: /is not a table that this command wrote; write it with --format markdown or json\n$/ },
      text
    )
  }
  t.match(await routes('app.ts', '--check', join(folder, 'none')), { exitCode: 2, err: /cannot be read \(ENOENT\)/ })
  for (const args of [[], ['a', 'b'], ['a', '--format', 'xml'], ['a', '--check', 'b', '--format', 'json'], ['--all']])
    t.match(await run(['routes', ...args], {}, async () => ''), {
      exitCode: 2,
      out: '',
      err: /^routes takes one module/
    })
})

t.test('the command itself: a process with an output, and an exit status', async (t) => {
  const command = [...process.execArgv, 'src/plugin/command/main.ts']
  const tenant = await startTestTenant(t)
  const started = execFile(process.execPath, [...command, 'routes', join(apps, 'app.ts')])
  let [out, err] = ['', '']
  started.stdout?.on('data', (text) => (out += text))
  started.stderr?.on('data', (text) => (err += text))
  const status = await new Promise((resolve) => started.once('close', resolve))
  t.equal(status, 0)
  t.equal(out, `${table.join('\n')}\n`)
  t.match(err, /the app says something/, 'what the app prints is not in the table')
  const child = promisify(execFile)(process.execPath, [...command, 'explain'], { env: { ...process.env } })
  child.child.stdin?.end(await tenant.userToken())
  await t.rejects(child, { code: 2, stderr: /ENTRA_TENANT_ID and ENTRA_CLIENT_ID are missing/ })
  t.match(await readFile('src/plugin/command/main.ts', 'utf8'), /^#!\/usr\/bin\/env node\n/)
})
