import t from 'tap'
import { exitOnStartError } from '../../../src/server/process/start-error.js'

t.test('a bug is no matter of configuration: it keeps its stack', async (t) => {
  const bug = new TypeError('a bug')
  t.throws(() => exitOnStartError(bug, {}), bug)
})
