/** docs/production.md: each command in it prints what the page says, against a server. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { skipWithout } from '../support/programs.js'
import { samplesIn } from '../support/samples.js'
import { appToken, startServerWithTenant } from '../support/server.js'

t.test('every command prints what the page says', { skip: skipWithout('curl') || skipWithout('jq') }, async (t) => {
  const { tenant, address } = await startServerWithTenant(t, { CORS_ORIGINS: 'https://app.example' })
  const env = { PATH: process.env.PATH, API: address, TOKEN: await appToken(tenant, 'daemon') }
  const samples = samplesIn(await readFile('docs/production.md', 'utf8'), 'sh')
  t.ok(samples.length >= 8, `${samples.length} samples`)
  for (const sample of samples) {
    const { stdout } = await promisify(execFile)('sh', ['-c', sample], { env })
    const lines = stdout.trim().split('\n')
    for (const [, expected = ''] of sample.matchAll(/^# → (.*)$/gm))
      t.ok(
        lines.some((line) => (/^\d+$/.test(expected) ? line === expected : line.includes(expected))),
        `${expected}: ${stdout}`
      )
  }
})
