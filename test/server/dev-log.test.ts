/** The log of `npm run dev`: refusals as a developer reads them, and all that an operator must see. */
import t from 'tap'
import { devLog, readable } from '../../src/server/dev-log.js'

const refusal = { event: 'denied', code: 'insufficient_permissions', status: 403, reason: 'role Admin is missing' }
const line = (level: number, members: object = {}) => `${JSON.stringify({ level, msg: 'text', ...members })}\n`

t.test('a refusal is one readable line', (t) => {
  const audit = { ...refusal, route: 'GET /role-protected' }
  t.equal(readable(line(30, { audit })), '403 GET /role-protected  insufficient_permissions: role Admin is missing\n')
  t.equal(readable(line(30, { audit: refusal })), '403 no route  insufficient_permissions: role Admin is missing\n')
  t.end()
})

t.test('warnings and errors stay as they are, and other lines are left out', (t) => {
  for (const level of [40, 50, 60]) t.equal(readable(line(level)), line(level))
  t.equal(readable(line(30)), '')
  t.equal(readable(line(30, { audit: { event: 'tenant.stale', reason: 'none' } })), '', 'it is logged as a warning too')
  t.end()
})

t.test('debug and trace show everything', (t) => {
  const written = t.capture(process.stdout, 'write', () => true)
  for (const level of ['info', 'debug', 'trace']) devLog(level).write(line(30))
  t.same(
    written().map(({ args }) => args[0]),
    ['', line(30), line(30)]
  )
  t.end()
})
