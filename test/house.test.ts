/** The shape of the house: a room imports only earlier ones, and files stay small. */
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'

/**
 * The rooms of the library, ground first: each may import those before it, and files of its own. ARCHITECTURE.md, "The rooms", says what happens
 * in each.
 */
const rooms = [
  ...[
    'lib',
    'refusals',
    'claims',
    'keys',
    'authorization',
    'issuers',
    'audit',
    'resource',
    'revocation',
    'verification',
    'lifetimes'
  ],
  ...[
    'downstream',
    'oidc',
    'entra',
    'options',
    'environment',
    'verifier',
    'routes',
    'openapi',
    'manifest',
    'fastify',
    'entry'
  ],
  ...['telemetry', 'testing', 'command']
]
/** The files that lie in no folder. */
const hallway: Readonly<Record<string, string>> = {
  'common-audiences': 'options',
  options: 'options',
  authorizer: 'verifier',
  engine: 'verifier',
  explain: 'verifier',
  'verifier-index': 'verifier',
  verifier: 'verifier',
  plugin: 'entry',
  index: 'entry'
}
/** Whatever else they may import: what these reach names Fastify nowhere, types included. */
const withoutFastify = rooms.slice(0, rooms.indexOf('routes'))

/** `keys/discovery` → keys. */
const roomOf = (path: string) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : (hallway[path] ?? path))

t.test('a room of the library imports only those before it', async (t) => {
  const files = (await readdir('src/plugin', { recursive: true })).filter((path) => path.endsWith('.ts'))
  for (const path of files.map((each) => each.slice(0, -3))) {
    const room = roomOf(path)
    t.ok(rooms.includes(room), `${path} is in a room that has a place`)
    const source = await readFile(`src/plugin/${path}.ts`, 'utf8')
    for (const [, to = ''] of source.matchAll(/(?:from|import) '(\.[^']+)\.js'/g)) {
      const imported = roomOf(join(dirname(path), to))
      t.ok(rooms.indexOf(imported) <= rooms.indexOf(room), `${path} imports ${to}: ${imported} comes before ${room}`)
    }
    if (withoutFastify.includes(room))
      t.notMatch(source, /from '@?fastify|declare module 'fastify'/, `${path} names no Fastify`)
  }
  const documented = [...(await readFile('ARCHITECTURE.md', 'utf8')).matchAll(/^\| `([a-z]+)\/?` \|/gm)].map(
    ([, name]) => name
  )
  t.same(
    rooms.filter((room) => !documented.includes(room) && room !== 'entry'),
    [],
    'ARCHITECTURE.md has a row for each'
  )
})

t.test('files of 300 lines or fewer', async (t) => {
  const files = await readdir('src', { recursive: true })
  for (const file of files.filter((name) => name.endsWith('.ts'))) {
    const lines = (await readFile(`src/${file}`, 'utf8')).split('\n').length
    t.ok(lines <= 300, `${file} has ${lines} lines`)
  }
})

/** Their subject is the registration itself, an app of another kind, or code of a reader; all others build an API by `test/support/api.ts`. */
const registering = [
  ...[
    'package-contents.long.ts',
    'package/programs.ts',
    'types.ts',
    'examples/typed-client.test.ts',
    'faults/child.ts'
  ],
  ...['faults/http2.test.ts', 'hostile/jose.long.ts', 'hostile/server.ts', 'refused/once.test.ts', 'refused/table.ts'],
  ...['refused/refused.long.ts', 'server/own.test.ts', 'tenant/step-up.test.ts', 'plugin/plugin.test.ts'],
  ...['plugin/downstream/token-client.test.ts', 'plugin/fastify/bad-programs.test.ts'],
  ...['changed', 'contradictory', 'discovered', 'hosts', 'hosts-open', 'made', 'registered', 'throws'].map(
    (app) => `plugin/command/apps/${app}.ts`
  ),
  'plugin/fastify/metadata-host.test.ts',
  'plugin/routes/access-matrix.test.ts',
  'plugin/testing/runners.long.ts',
  'plugin/routes/scope.test.ts'
]
const registers = /\.register\((entra|fastifyEntra|plugin(\.default)?),/
const ownClock = /(Date|performance)\.now = |intercept\((Date|performance),|implements Clock\b|\bmock\.timers\b/

t.test('tests have one builder of an API, and one fake clock', async (t) => {
  const files = (await readdir('test', { recursive: true })).filter((path) => /(?<!house\.test)\.ts$/.test(path))
  for (const path of files.filter((each) => !each.startsWith('support/'))) {
    const source = await readFile(`test/${path}`, 'utf8')
    t.equal(registers.test(source), registering.includes(path), `${path}: use buildApi or startApi of support/api.ts`)
    t.notMatch(source, ownClock, `${path}: use FakeClock or processClock of support/clock.ts`)
  }
})
