/** The corpus of attacks, sent over a raw socket to one running server. After each request a good token still gets 200. */
import t, { type Test } from 'tap'
import * as plugin from '../../src/plugin/index.js'
import * as problems from '../../src/server/problems.js'
import * as logging from '../../src/server/process/logging.js'
import { judge, logFailures, type Outcome } from './judge.js'
import type { Table } from './row.js'
import { nameOf } from './row.js'
import { startTarget, type Target } from './server.js'
import { tables } from './tables.js'
import { startWorld } from './world.js'

const world = await startWorld()
t.teardown(() => world.close())
const good = { rule: 'a good token', change: 'after a hostile one', is: '200' }
const all = Object.values(tables).flat()

for (const [memory, tokenCache] of [
  ['verified tokens are remembered', {}],
  ['none is', false]
] as const) {
  t.test(memory, async (t) => {
    const target = await startTarget({ plugin, problems, logging }, world, { tokenCache })
    t.teardown(() => target.close())
    for (const [name, table] of Object.entries(tables))
      t.test(`${name}, ${table.length} rows`, (t) => judgeAll(t, table, target))
  })
}

async function judgeAll(t: Test, table: Table, target: Target) {
  const before = target.logged().length
  const outcomes: Outcome[] = []
  for (const row of table) {
    const outcome = await judge(row, world, target)
    outcomes.push(outcome)
    t.same(outcome.failures, [], nameOf(row))
    const after = await judge(row.api ? { ...good, api: row.api } : good, world, target)
    if (after.failures.length > 0) t.fail(`a good token after ${nameOf(row)}`, { found: after.failures })
  }
  t.same(logFailures(target.logged().slice(before), outcomes), [], 'the log holds no token and no internals')
}

t.test('the corpus is whole', async (t) => {
  t.ok(all.filter(({ is }) => is !== '200').length >= 400, 'at least 400 hostile rows')
  const names = all.map(nameOf)
  t.same(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
    'each row has a name of its own'
  )
  t.same(world.attacker.hits, [], 'nobody called the attacker')
})
