/** `npm run dev`, as a newcomer sees it: every printed line is run, and gives the status that it promises. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
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
  t.equal(lines.length, 11)
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

t.test(
  'TENANT_TLS=1: https, an authority that the API trusts and that others can',
  { skip: skipWithout('curl') },
  async (t) => {
    const { output, process } = await dev(t, { PORT: '0', TENANT_PORT: '0', TENANT_TLS: '1' })
    const [, address, me = ''] =
      /^# 200: user@contoso\.example, \/me\ncurl -i '([^']+)'([^\n]+)$/m.exec(output.out) ?? []
    const { stdout: own } = await promisify(execFile)('sh', ['-c', `curl -si '${address}'${me}`])
    t.match(own, /^HTTP\/1.1 200 /, 'the API verified a token')
    const [, line = ''] = /^ {2}(curl --cacert [^\n]+)$/m.exec(output.out) ?? []
    const { stdout } = await promisify(execFile)('sh', ['-c', line])
    t.match(stdout, /"issuer":"https:\/\/127\.0\.0\.1:\d+\//)
    const [, origin = '', file = ''] = /^Tenant {2}(https:\S+).*\nTrust {3}(\S+)/m.exec(output.out) ?? []
    await t.rejects(fetch(origin), 'who does not trust it is not served')
    await t.rejects(readFile(file.replace('ca.pem', 'key.pem')), 'no key is on the disk')
    t.equal((await readdir(dirname(file))).length, 1)
    process.kill('SIGINT')
    t.equal((await once(process, 'close'))[0], 0, 'Ctrl-C ends all')
    await t.rejects(readdir(dirname(file)), { code: 'ENOENT' })
  }
)

t.test('TENANT_TLS=1: what cannot start says so, and leaves nothing behind', async (t) => {
  const temporary = t.testdir({})
  const env = { PORT: '0', TENANT_PORT: '99999', TENANT_TLS: '1', TMPDIR: temporary }
  const { output, process } = run(t, 'src/server/dev.ts', env)
  t.equal((await once(process, 'close'))[0], 1)
  t.match(output.err, /^fastify-entra: TENANT_PORT "99999" is not allowed/m)
  t.same(
    (await readdir(temporary)).filter((name) => name.startsWith('fastify-entra')),
    []
  )
})

t.test('TENANT_TLS=1: the servers end with what started them', async (t) => {
  const shell = run(t, 'test/support/parent.ts', { PORT: '0', TENANT_PORT: '0', TENANT_TLS: '1' }, 'src/server/dev.ts')
  const address = (await shell.printed(/^API {5}(http:\S+) /m))?.[1] ?? ''
  await shell.printed(last)
  shell.process.kill('SIGKILL')
  await t.resolves(refused(address))
})

t.test('TENANT_TLS is 0 or 1', async (t) => {
  const { output, process } = run(t, 'src/server/dev.ts', { PORT: '0', TENANT_PORT: '0', TENANT_TLS: 'yes' })
  t.equal((await once(process, 'close'))[0], 1)
  t.match(output.err, /^fastify-entra: TENANT_TLS "yes" is not allowed; give one of 0, 1/m)
})
