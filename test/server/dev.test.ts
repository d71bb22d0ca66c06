/** `npm run dev`, as a newcomer sees it: every printed line is run, and gives the status that it promises. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/programs.js'

interface Dev {
  output(): string
  stop(): Promise<number | null>
}

async function dev(t: Test, env: Record<string, string>): Promise<Dev> {
  const process_ = spawn(process.execPath, ['--import', 'tsx', 'src/server/dev.ts'], {
    env: { ...process.env, ...env }
  })
  t.teardown(() => process_.kill('SIGKILL'))
  const ended = once(process_, 'close')
  let output = ''
  for (const stream of [process_.stdout, process_.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const last = /\n# 403: daemon-no-roles[^\n]+\ncurl [^\n]+\n/
  while (!last.test(output) && process_.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50))
  return {
    output: () => output,
    async stop() {
      process_.kill('SIGINT')
      const [code] = await ended
      return code
    }
  }
}

t.test('prints URLs, accounts and lines to paste', { skip: skipWithout('curl') }, async (t) => {
  const { output, stop } = await dev(t, { PORT: '0', TENANT_PORT: '0' })
  t.match(output(), /^API {5}http:\/\/127\.0\.0\.1:\d+ /m)
  t.match(output(), /^Tenant {2}http:\/\/127\.0\.0\.1:\d+ /m)
  t.match(output(), /admin@contoso\.example {2}Admin/)
  const lines = [...output().matchAll(/^# (\d{3}): ([^\n]+)\n(curl [^\n]+)$/gm)]
  t.equal(lines.length, 10)
  for (const [, status, promise, line = ''] of lines) {
    const { stdout } = await promisify(execFile)('sh', ['-c', line])
    t.match(stdout, new RegExp(`^HTTP/1.1 ${status} `), `${promise}: ${status}`)
  }
  t.equal(await stop(), 0, 'Ctrl-C ends both')
})

t.test('a port that is taken is said in one line', async (t) => {
  const first = await dev(t, { PORT: '0', TENANT_PORT: '0' })
  const port = /^API {5}http:\/\/127\.0\.0\.1:(\d+) /m.exec(first.output())?.[1] ?? ''
  const second = await dev(t, { PORT: port, TENANT_PORT: '0' })
  t.match(second.output(), /^fastify-entra: listen EADDRINUSE/m)
})
