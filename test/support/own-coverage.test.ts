/** Coverage counts the lines of each process, and is not told of 100 % where it was given no lines. */
import { spawnSync } from 'node:child_process'
import t from 'tap'

const unset = ['NODE_OPTIONS', 'FASTIFY_ENTRA_CANARY', 'NODE_V8_COVERAGE'].flatMap((name) => ['-u', name])
const child = ['--import', 'tsx', 'test/support/own-coverage-child.ts', '2']

/** What three processes say, each started by the one before it. */
function said(...args: readonly string[]): string {
  const command = [...unset, process.execPath, '--enable-source-maps', ...args, ...child]
  return spawnSync('env', command, { encoding: 'utf8' }).stdout
}

t.test('with the canary, each process has whole source maps, and its children too', async (t) => {
  t.equal(said('--import', './test/support/canary.js'), 'whole\n'.repeat(3))
  t.equal(said(), 'empty\n'.repeat(3), 'without it, none has')
})
