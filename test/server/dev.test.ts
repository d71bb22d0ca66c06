/** `npm run dev`, as a newcomer sees it: every printed line is run, and gives the status that it promises. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type Running, run } from '../support/process.js'
import { skipWithout } from '../support/programs.js'

const last = /\n# 403: daemon-no-roles[^\n]+\ncurl [^\n]+\n/

async function dev(t: Test, env: Record<string, string>): Promise<Running> {
  const running = run(t, 'src/server/dev.ts', env)
  await running.printed(last)
  return running
}

t.test('prints URLs, accounts and lines to paste', { skip: skipWithout('curl') }, async (t) => {
  const { output, process } = await dev(t, { PORT: '0', TENANT_PORT: '0' })
  t.match(output.out, /^API {5}http:\/\/127\.0\.0\.1:\d+ /m)
  t.match(output.out, /^Tenant {2}http:\/\/127\.0\.0\.1:\d+ /m)
  t.match(output.out, /admin@contoso\.example {2}Admin/)
  const lines = [...output.out.matchAll(/^# (\d{3}): ([^\n]+)\n(curl [^\n]+)$/gm)]
  t.equal(lines.length, 10)
  for (const [, status, promise, line = ''] of lines) {
    const { stdout } = await promisify(execFile)('sh', ['-c', line])
    t.match(stdout, new RegExp(`^HTTP/1.1 ${status} `), `${promise}: ${status}`)
  }
  process.kill('SIGINT')
  t.equal((await once(process, 'close'))[0], 0, 'Ctrl-C ends both')
})

t.test('a port that is taken is said in one line', async (t) => {
  const first = await dev(t, { PORT: '0', TENANT_PORT: '0' })
  const port = /^API {5}http:\/\/127\.0\.0\.1:(\d+) /m.exec(first.output.out)?.[1] ?? ''
  const second = await dev(t, { PORT: port, TENANT_PORT: '0' })
  t.match(second.output.err, /^fastify-entra: listen EADDRINUSE/m)
})

t.test('the servers end with what started them, as npm does not hand signals on', async (t) => {
  const shell = run(t, 'test/support/parent.ts', { PORT: '0', TENANT_PORT: '0' }, 'src/server/dev.ts')
  const address = (await shell.printed(/^API {5}(http:\S+) /m))?.[1] ?? ''
  await shell.printed(last)
  t.equal((await fetch(`${address}/healthz`)).status, 200)
  shell.process.kill('SIGKILL')
  await t.resolves(refused(address))
})

/** Resolves once nobody listens any more. */
async function refused(address: string): Promise<void> {
  const listens = () =>
    fetch(`${address}/healthz`)
      .then(() => true)
      .catch(() => false)
  while (await listens()) await new Promise((resolve) => setTimeout(resolve, 100))
}
