/** Code or principal of every token of every product in `test/products`: those of its fixture, and those of the rows that change one. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t from 'tap'
import { entraEntries } from '../products/entra-entries.js'
import { hostsOf, makeCertificate, publish } from '../products/internet.js'
import { Keys } from '../products/keys.js'
import { oidcEntries } from '../products/oidc-entries.js'
import type { Sent } from '../products/shapes.js'
import { inherited } from '../support/process.js'
import { skipWithout } from '../support/programs.js'
import { checkGolden } from './golden.js'
import type { Job } from './products-child.js'

const entries = Object.entries({ ...entraEntries, ...oidcEntries })
t.setTimeout(300_000)

t.test('products', { skip: skipWithout('openssl') }, async (t) => {
  const keys = await Keys.make()
  const certificate = await makeCertificate(t, [...new Set(entries.flatMap(([, { product }]) => hostsOf(product)))])
  const child = spawn(process.execPath, [...process.execArgv, 'test/golden/products-child.ts'], {
    env: { ...inherited, NODE_EXTRA_CA_CERTS: certificate.authorityFile },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const found: Record<string, string> = {}
  for (const [name, { product, env, passes, refuses }] of entries) {
    const { env: proxies } = await publish(t, product, keys, certificate)
    const samples = Object.keys(product.tokens).map((token): [string, Sent] => [`token ${token}`, { token }])
    const rows = [...samples, ...Object.entries({ ...passes, ...refuses })]
    const tokens = await Promise.all(rows.map(([, sent]) => keys.tokenOf(product, sent)))
    child.stdin.write(`${JSON.stringify({ settings: env, proxies, tokens } satisfies Job)}\n`)
    const answers = JSON.parse((await lines.next()).value ?? '[]') as string[]
    t.equal(answers.length, rows.length, `${name}: an answer to each token`)
    for (const [at, [what]] of rows.entries()) found[`${name}: ${what}`] = answers[at] ?? ''
  }
  await checkGolden(t, 'products', found)
})
