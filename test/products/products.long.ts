/**
 * Every product by its own name: the server, as a process that knows nothing but its configuration, reads what the product really
 * publishes, and takes the tokens that it really signs. A product is a fixture, and an entry of these tables.
 */
import t, { type Test } from 'tap'
import { until, within } from '../faults/waits.js'
import { checkRefusal, get } from '../support/http.js'
import { run } from '../support/process.js'
import { skipWithout } from '../support/programs.js'
import { entraEntries } from './entra-entries.js'
import { hostsOf, type Internet, makeCertificate, publish } from './internet.js'
import { Keys } from './keys.js'
import { oidcEntries } from './oidc-entries.js'
import type { Entry, Json } from './shapes.js'

const entries = Object.entries({ ...entraEntries, ...oidcEntries })

// The whole file takes a minute; the rest is for a busy machine.
t.setTimeout(300_000)
t.jobs = 2

/** The server's origin, once it can verify tokens. */
async function startServer(t: Test, { env: product }: Entry, { env }: Internet): Promise<string> {
  const server = run(t, 'test/products/child.ts', { ...env, ...product, PORT: '0', LOG_LEVEL: 'info' })
  const [, origin] = (await within('the server to listen', server.printed(/Server listening at (http:[^"]+)/))) ?? []
  if (!origin) throw new Error(`the server did not start: ${server.output.err.trim()}`)
  let answer = ''
  const isReady = async () => {
    const { status, body } = await get(`${origin}/readyz`)
    answer = body
    return status === 200
  }
  await until('the server to have the keys', isReady).catch((error) => {
    throw new Error(`${error instanceof Error ? error.message : error}: ${answer}; ${server.output.out}`)
  })
  return origin
}

/** Lists without their order: a token says nothing by it. */
const unordered = (value: unknown) => (Array.isArray(value) ? [...value].sort() : value)

function checkPrincipal(t: Test, body: string, expected: Json): void {
  const principal = JSON.parse(body) as Record<string, unknown>
  for (const [name, value] of Object.entries(expected)) t.same(unordered(principal[name]), unordered(value), name)
}

t.test('products', { skip: skipWithout('openssl') }, async (t) => {
  t.jobs = 2
  const keys = await Keys.make()
  const certificate = await makeCertificate(t, [...new Set(entries.flatMap(([, { product }]) => hostsOf(product)))])
  for (const [name, entry] of entries) {
    const { product, passes, refuses } = entry
    t.test(name, { buffered: true, timeout: 150_000 }, async (t) => {
      const internet = await publish(t, product, keys, certificate)
      const origin = await startServer(t, entry, internet)
      for (const [what, row] of Object.entries(passes)) {
        const { status, body } = await get(`${origin}/whoami`, await keys.tokenOf(product, row))
        t.equal(status, 200, `${what} passes: ${body}`)
        checkPrincipal(t, body, row.principal)
      }
      for (const [what, row] of Object.entries(refuses)) {
        const answer = await get(`${origin}/whoami`, await keys.tokenOf(product, row))
        const { status = 401, code } = row
        t.match(JSON.parse(answer.body), { status, code }, `${what} is refused: ${answer.body}`)
        checkRefusal(t, answer, { status, code, error: status === 401 ? 'invalid_token' : 'insufficient_scope' })
      }
      t.same(internet.lost, [], 'no host was asked for that is not of the product')
    })
  }
})

t.test('fixtures say where they are from', async (t) => {
  for (const [name, { product }] of entries) {
    t.ok(product.source.length > 0, `${name}: source`)
    t.match(product.date, /^\d{4}-\d{2}-\d{2}$/, `${name}: date`)
    const documents = Object.values(product.documents)
    t.ok(
      documents.every(({ jwks_uri }) => Object.hasOwn(product.keySets, String(jwks_uri))),
      `${name}: every document's jwks_uri is served`
    )
  }
})
