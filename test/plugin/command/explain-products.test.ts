/** `fastify-entra explain --online` on the tokens of each product in `test/products`, with its keys, under its own names. */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import type { Outcome } from '../../../src/plugin/command/outcome.js'
import { entraEntries } from '../../products/entra-entries.js'
import { hostsOf, makeCertificate, publish } from '../../products/internet.js'
import { Keys } from '../../products/keys.js'
import { oidcEntries } from '../../products/oidc-entries.js'
import type { Sent } from '../../products/shapes.js'
import { inherited } from '../../support/process.js'
import { skipWithout } from '../../support/programs.js'
import type { ExplainJob } from './explain-child.js'

t.setTimeout(300_000)

t.test('products', { skip: skipWithout('openssl') }, async (t) => {
  const keys = await Keys.make()
  const entries = Object.entries({ ...entraEntries, ...oidcEntries })
  const certificate = await makeCertificate(t, [...new Set(entries.flatMap(([, { product }]) => hostsOf(product)))])
  const child = spawn(process.execPath, [...process.execArgv, 'test/plugin/command/explain-child.ts'], {
    env: { ...inherited, NODE_EXTRA_CA_CERTS: certificate.authorityFile },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const directory = t.testdir()
  for (const [name, { product, env, passes, refuses }] of entries) {
    const { env: proxies } = await publish(t, product, keys, certificate)
    const { PRODUCT_TENANTS, ...variables } = env
    const ISSUERS_FILE = join(directory, 'issuers.json')
    if (PRODUCT_TENANTS !== undefined) await writeFile(ISSUERS_FILE, PRODUCT_TENANTS)
    const good = Object.values(passes)
    const idTokens = Object.values(refuses).filter(({ code }) => code === 'not_an_access_token')
    const rows = [...good, ...good.slice(0, 1).map(forAnotherApi), ...idTokens.slice(0, 1)]
    const tokens = await Promise.all(rows.map((sent) => keys.tokenOf(product, sent)))
    const job: ExplainJob = { env: PRODUCT_TENANTS === undefined ? variables : { ISSUERS_FILE }, proxies, tokens }
    child.stdin.write(`${JSON.stringify(job)}\n`)
    const outcomes = JSON.parse((await lines.next()).value ?? '[]') as Outcome[]
    t.equal(outcomes.length, rows.length, `${name}: an answer to each token`)
    for (const outcome of outcomes.slice(0, good.length)) isGood(t, outcome, name)
    const [other, idToken] = outcomes.slice(good.length)
    const isEntra = Object.hasOwn(entraEntries, name)
    const setting = PRODUCT_TENANTS
      ? /audience of the entry in ISSUERS_FILE/
      : isEntra
        ? /ENTRA_AUDIENCE/
        : /OIDC_AUDIENCE/
    t.match(other, { exitCode: 1, err: '', out: /^A request with this token gets 401 wrong_audience\. Client: / }, name)
    t.match(other?.out.split('\n')[0], setting, name)
    t.match(other?.out, /\nFAILS {6}(entra|b2c|oidc)\.aud /, name)
    if (idToken === undefined) continue
    t.match(
      idToken,
      { exitCode: 1, out: /^A request with this token gets 401 not_an_access_token\. Client: send access_token/ },
      name
    )
    t.match(idToken.out, /\nFAILS {6}(entra|b2c|oidc)\.access_token /, name)
  }
})

/** In each place in which a product names the API of an access token (Cognito: `client_id`). */
const forAnotherApi = ({ token, claims, header }: Sent): Sent => ({
  token,
  ...(header && { header }),
  claims: { ...claims, aud: 'invoices', client_id: 'invoices', cid: 'invoices' }
})

function isGood(t: Test, { exitCode, err, out }: Outcome, what: string): void {
  t.match({ exitCode, err, out }, { exitCode: 0, err: '', out: /^No check refuses this token/ }, what)
  t.same(
    out.split('\n').filter((line) => /^(FAILS|undecided|THE SIGNATURE)/.test(line)),
    [],
    `${what}: every check passes`
  )
  t.match(out, /^passes {5}signature$/m, what)
}
