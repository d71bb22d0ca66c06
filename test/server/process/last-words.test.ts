/** Nothing dies without a word: what ends a process is on stderr, or in the log at `fatal`, once, and without what must not be shown. */
import t, { type Test } from 'tap'
import { environmentFor } from '../../../src/server/environment.js'
import { lastWords } from '../../../src/server/process/last-words.js'
import { startTenant } from '../../../src/tenant/index.js'
import { before, ended, onceItListens, said, thrown, whereItIsBuilt, whereItListens } from '../../support/faulty.js'
import { run } from '../../support/process.js'

const fatal = (out: string) => out.split('\n').filter((line) => line.includes('"level":60'))

async function environment(t: Test): Promise<Record<string, string>> {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  return {
    ...environmentFor(tenant),
    ENTRA_CLIENT_SECRET: 'client-s3cr3t',
    OTHER_URL: 'https://user:pa55word@x.example',
    PORT: '0'
  }
}

t.test('a bug at the start, before there is a logger: on stderr, with its stack', async (t) => {
  const env = await environment(t)
  const { code, out, err } = await ended(run(t, 'src/server/main.ts', { ...env, ...before(t, whereItIsBuilt) }))
  t.equal(code, 1)
  t.match(err, /^fastify-entra: /)
  said(t, err)
  t.equal(out, '')
})

t.test(
  'a bug at the start, once there is a logger: in the log at fatal, or on stderr where that is silent',
  async (t) => {
    const env = { ...(await environment(t)), ...before(t, whereItListens(thrown)) }
    const { code, out, err } = await ended(run(t, 'src/server/main.ts', env))
    t.equal(code, 1)
    t.equal(fatal(out).length, 1)
    said(t, String(fatal(out)))
    t.equal(err, '')
    const silent = await ended(run(t, 'src/server/main.ts', { ...env, LOG_LEVEL: 'silent' }))
    t.equal(silent.code, 1)
    said(t, silent.err)
    t.equal(silent.out, '')
  }
)

t.test('what is thrown need not be an error', async (t) => {
  const env = await environment(t)
  const rows: [thrown: string, says: RegExp][] = [
    ['undefined', /undefined/],
    ['{ password: "s3cr3t" }', /not an Error was thrown, but a value of type object/]
  ]
  for (const [error, says] of rows) {
    const { code, all } = await ended(run(t, 'src/server/main.ts', { ...env, ...before(t, whereItListens(error)) }))
    t.equal(code, 1)
    t.match(all, says)
    t.notMatch(all, 's3cr3t')
  }
})

const faults: [rule: string, statement: string, levels: readonly string[]][] = [
  ['an exception that nobody catches', `throw ${thrown}`, ['fatal', 'silent']],
  ['a rejection that nobody handles', `Promise.reject(${thrown})`, ['info']]
]

for (const [rule, statement, levels] of faults) {
  t.test(`after the start, ${rule}: in the log at fatal, and then it closes`, async (t) => {
    const env = { ...(await environment(t)), ...before(t, onceItListens(statement)) }
    for (const level of levels) {
      const server = run(t, 'src/server/main.ts', { ...env, LOG_LEVEL: level, PORT: '0' })
      const { code, out, err } = await ended(server)
      t.equal(code, 1, level)
      said(t, level === 'silent' ? err : String(fatal(out)))
      t.equal(level === 'silent' ? out : err, '', 'nothing twice')
    }
  })
}

t.test('a start that waits for what never comes does not end with status 0', async (t) => {
  const env = await environment(t)
  const never = "import { Server } from 'node:net'; Server.prototype.listen = function () { return this }"
  const { code, err } = await ended(run(t, 'src/server/main.ts', { ...env, LOG_LEVEL: 'silent', ...before(t, never) }))
  t.equal(code, 1)
  t.match(err, /^fastify-entra: Error: nothing is left that keeps the process running\n/)
})

/** What is written to stderr, in this process. */
function written(t: Test, error: unknown): string {
  const { args } = t.capture(process.stderr, 'write', () => true)
  lastWords(error)
  return args().flat().join('')
}

t.test('what may be shown of an error', async (t) => {
  const endless: Error & { cause?: unknown } = new Error('around and around')
  endless.cause = endless
  t.equal(written(t, endless).split('around and around').length, 2, 'a cause that is its own, once')
  t.match(written(t, new AggregateError([new Error('the first of several')], '')), 'the first of several')
  const stackless = Object.assign(new Error('no stack'), { stack: undefined, code: 'E_NONE' })
  t.match(written(t, stackless), /E_NONE\nno stack/)
  t.match(written(t, new Error('at https://user:pa%20ss@host/path')), 'at https://user:[masked]@host/path')
  t.match(written(t, new Error('Authorization: Basic dXNlcjpwYXNz')), /Authorization: \[masked\]\n/)
})
