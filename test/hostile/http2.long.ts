/** The corpus of attacks, once more over HTTP/2; and what only HTTP/2 can say. After each connection a good token still gets 200. */
import t, { type Test } from 'tap'
import * as plugin from '../../src/plugin/index.js'
import * as problems from '../../src/server/problems.js'
import * as logging from '../../src/server/process/logging.js'
import { differences, http2Rows, overHttp2 } from './http2.js'
import { type Converse, judge, logFailures, type Outcome } from './judge.js'
import type { Row } from './row.js'
import { nameOf } from './row.js'
import { startTarget } from './server.js'
import { tables } from './tables.js'
import { exchange2 } from './wire2.js'
import { startWorld } from './world.js'

const world = await startWorld()
const target = await startTarget({ plugin, problems, logging }, world, { http2: true })
t.teardown(async () => {
  await target.close()
  await world.close()
})
const good: Row = { rule: 'a good token', change: 'after a hostile one', is: '200' }

const used = new Set<string>()
/** The row with the answer that it gets over HTTP/2; `undefined` where it is left out. */
function translated(row: Row): Row | undefined {
  const name = [nameOf(row), row.rule].find((each) => Object.hasOwn(differences, each))
  const difference = name === undefined ? undefined : differences[name]
  if (name === undefined || !difference) return row
  used.add(name)
  return difference.is === undefined ? undefined : { ...row, is: difference.is }
}

let judged = 0
async function judgeAll(t: Test, rows: readonly (readonly [Row, Converse])[]) {
  const before = target.logged().length
  const outcomes: Outcome[] = []
  for (const [row, converse] of rows) {
    const outcome = await judge(row, world, target, converse)
    outcomes.push(outcome)
    t.same(outcome.failures, [], nameOf(row))
    const after = await judge(row.api ? { ...good, api: row.api } : good, world, target, overHttp2)
    if (after.failures.length > 0) t.fail(`a good token after ${nameOf(row)}`, { found: after.failures })
  }
  judged += rows.length
  t.same(logFailures(target.logged().slice(before), outcomes), [], 'the log holds no token and no internals')
}

for (const [name, table] of Object.entries(tables)) {
  const rows = table.map(translated).filter((row) => row !== undefined)
  t.test(`${name}, ${rows.length} rows`, (t) =>
    judgeAll(
      t,
      rows.map((row) => [row, overHttp2] as const)
    )
  )
}

t.test('the corpus is whole, and every reason for another answer is needed', async (t) => {
  const unused = Object.keys(differences).filter((name) => !used.has(name))
  t.same(unused, [])
  const leftOut = Object.values(differences).filter(({ is }) => is === undefined)
  t.equal(judged, Object.values(tables).flat().length - leftOut.length)
})

t.test('what only HTTP/2 can say', (t) =>
  judgeAll(
    t,
    http2Rows.map(({ request, ...row }) => [
      { ...row, send: (token) => token },
      (port, token) => exchange2(port, [request(token)])
    ])
  )
)

t.test('nobody called the attacker', async (t) => {
  t.same(world.attacker.hits, [])
})
