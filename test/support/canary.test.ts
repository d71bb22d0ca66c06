/** The canary notices: each way to leak, in a process of its own, where nothing else would fail. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'

const program = 'test/support/canary-leak.ts'

/** Without coverage: of `src` as tsx compiles it, with lines elsewhere, it would take the place of what is counted. */
const unset = ['FASTIFY_ENTRA_CANARY', 'NODE_V8_COVERAGE', 'NODE_OPTIONS'].flatMap((name) => ['-u', name])
const loaded = ['--import=./test/support/canary.js', '--import=tsx']

/** Runs it as tap runs a test: with the canary, and as the first that has it. */
async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = execFile('env', [...unset, process.execPath, ...loaded, program, ...args])
  const said = { out: '', err: '' }
  child.stdout?.on('data', (text) => {
    said.out += text
  })
  child.stderr?.on('data', (text) => {
    said.err += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...said }
}

const ways: Record<string, string> = {
  nothing: '',
  line: 'a log line',
  'line of inject': 'a log line',
  'line of another logger': 'a log line',
  channel: 'a message of fastify-entra.some',
  header: 'an answer',
  body: 'an answer',
  'body of inject': 'an answer',
  'body in two pieces': 'an answer',
  'status line': 'an answer',
  'HTTP/2': 'an answer',
  'no request': 'an answer',
  error: 'an error',
  'error of verifyToken': 'an error'
}

t.test('every way to leak is noticed, and nothing else', async (t) => {
  const { code, out, err } = await run('all')
  t.equal(code, 1)
  const noticed = JSON.parse(/^\{"nothing.+$/m.exec(out)?.[0] ?? '{}') as Record<string, string>
  for (const [way, where] of Object.entries(ways)) {
    if (where === '') t.equal(noticed[way], '', way)
    else t.match(noticed[way], `canary: ${where} holds a part of a token`, way)
  }
  t.match(err, 'canary: ')
})

for (const [way, where] of [
  ['line', 'a log line'],
  ['channel', 'a message of fastify-entra.some'],
  ['body', 'an answer'],
  ['uncaught', 'an error']
]) {
  t.test(`one leak fails the process: ${way}`, async (t) => {
    const { code, err } = await run(String(way))
    t.not(code, 0)
    t.match(err, `canary: ${where} holds a part of a token`)
  })
}

t.test('a process that leaks fails the test that started it, however it ends', async (t) => {
  const { code, err } = await run('parent', 'print')
  t.equal(code, 1)
  t.match(err, 'canary: what is printed holds a part of a token')
})

t.test('what leaks nothing passes', async (t) => {
  t.match(await run('parent', 'nothing'), { code: 0, err: '' })
})

t.test('this very test has it', async (t) => {
  t.match(process.env.FASTIFY_ENTRA_CANARY, /./)
  t.ok(process.execArgv.some((arg) => arg.includes('canary.js')))
})
