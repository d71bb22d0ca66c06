/** A short soak, and the same of APIs that are broken on purpose: it must end with 1, and name what was wrong. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { needsRedis } from '../support/redis.js'
import type { SoakRecord } from './record.js'

/** A busy machine takes longer: nothing here is a measure of speed. */
t.setTimeout(600_000)

/** Of its own for each test: tap keeps what it learns of a test in the object that it is given. */
const redis = () => ({ ...needsRedis })
const main = 'test/soak/main.ts'

/** Runs it as `npm run soak` does, and reads what it writes. */
async function soak(t: Test, ...args: string[]) {
  const out = t.testdir()
  const command = ['--import', 'tsx', main, '--out', out, '--seed', '20261129', ...args]
  const { NODE_OPTIONS: _, ...env } = process.env
  const { code, printed } = await new Promise<{ code: unknown; printed: string }>((resolve) =>
    execFile(process.execPath, command, { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, printed: stdout + stderr })
    )
  )
  const record = JSON.parse(await readFile(join(out, 'soak.json'), 'utf8').catch(() => '{}')) as Partial<SoakRecord>
  return { code, printed, record, plot: await readFile(join(out, 'soak.svg'), 'utf8').catch(() => '') }
}

t.test('0 wrong answers', redis(), async (t) => {
  const { code, printed, record, plot } = await soak(t, '--minutes', '0.5')
  t.same(record.wrong, [], printed)
  t.equal(code, 0)
  const kinds = new Set(record.events?.map(({ kind }) => kind))
  for (const kind of ['rotation', 'revocation', 'outage', 'tenant back', 'Redis killed', 'Redis back'])
    t.ok(kinds.has(kind), kind)
  t.match(plot, /^<svg[\s\S]+RSS[\s\S]+event streams[\s\S]+<\/svg>\n$/)
})

/** What is broken, and what must be recorded of it. */
const broken = {
  revocation: { what: 'revoked', found: '200' },
  'on-behalf-of': { what: 'on behalf of', found: /"downstream"/ },
  stream: { what: 'stream', found: /^token_expired, \d/ }
}

t.test('defects are noticed', redis(), async (t) => {
  const defects = Object.keys(broken).join()
  const { code, printed, record } = await soak(t, '--minutes', '0.3', '--rate', '20', '--defect', defects)
  t.equal(code, 1, printed)
  for (const wrong of Object.values(broken)) {
    const found = record.wrong?.find(({ what }) => what === wrong.what)
    t.match(found, { seed: 20261129, at: Number, phase: { tenant: String, redis: String }, ...wrong }, wrong.what)
  }
})

t.test('an option that is wrong', async (t) => {
  const { code, printed } = await soak(t, '--minutes', 'many')
  t.equal(code, 2)
  t.match(printed, 'usage: npm run soak')
})
