/** `npm run dev` and the commands: what ends them unexpectedly is on stderr, or in the log. */
import t, { type Test } from 'tap'
import { before, ended, onceItListens, said, thrown, whereItListens } from '../support/faulty.js'
import { run } from '../support/process.js'

const ports = { TENANT_PORT: '0', PORT: '0' }
const noFolder = `import fs from 'node:fs/promises'
  import { syncBuiltinESMExports } from 'node:module'
  fs.mkdtemp = () => { throw ${thrown} }
  syncBuiltinESMExports()`

const starts: [when: string, env: (t: Test) => Record<string, string>][] = [
  ['at the start', (t) => before(t, whereItListens(thrown))],
  ['while it runs', (t) => before(t, onceItListens(`throw ${thrown}`))],
  ['with TENANT_TLS=1, in the first process', (t) => ({ TENANT_TLS: '1', ...before(t, noFolder) })]
]

for (const [when, env] of starts) {
  t.test(`npm run dev: a bug ${when}`, async (t) => {
    const { code, all } = await ended(run(t, 'src/server/dev.ts', { ...ports, ...env(t) }))
    t.equal(code, 1)
    // It has another secret than the one that is in the error.
    said(t, all.replaceAll('client-s3cr3t', '…'))
  })
}

for (const command of ['manifest', 'revoke']) {
  t.test(`npm run ${command}: a bug`, async (t) => {
    const env = before(t, `process.stdout.write = () => { throw ${thrown} }`)
    const { code, err } = await ended(run(t, `src/server/${command}.ts`, env))
    t.equal(code, 1)
    said(t, err.replaceAll('client-s3cr3t', '…'))
  })
}
