/** The quick tests, for work in progress: no browser, no Redis, no mutants, no coverage. Under a minute on two idle cores. */
import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'

const rooms = ['authorization', 'claims', 'entra', 'issuers', 'lib', 'oidc', 'openapi', 'refusals', 'routes']
const others = ['common-audiences', 'messages', 'options', 'verifier'].map((name) => `test/plugin/${name}.test.ts`)
/** These take long, as they start many servers or wait for deadlines. */
const slow = ['step-up', 'many-tenants', 'membership', 'key-owner', 'marks', 'logged-error', 'guards-for']

const inRooms = await Promise.all(
  rooms.map(async (room) => (await readdir(`test/plugin/${room}`)).map((name) => `test/plugin/${room}/${name}`))
)
const files = [
  ...inRooms.flat(),
  ...others,
  ...['docs', 'house', 'surface', 'troubleshooting', 'words'].map((name) => `test/${name}.test.ts`)
].filter((path) => path.endsWith('.test.ts') && !slow.some((name) => path.endsWith(`/${name}.test.ts`)))
const node = ['--import', 'tsx', '--test', '--test-reporter=spec', '--test-concurrency=2', ...files]
spawn(process.execPath, node, { stdio: 'inherit' }).on('exit', (code) => {
  process.exitCode = code ?? 1
})
