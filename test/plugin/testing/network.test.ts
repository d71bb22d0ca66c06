/** What stands in place of the network: only under a symbol of the library, never in production, and never for other addresses. */
import t from 'tap'
import { EntraConfigurationError } from '../../../src/plugin/index.js'
import { createTestTenant } from '../../../src/plugin/testing/index.js'
import { createVerifier, type VerifierOptions } from '../../../src/plugin/verifier-index.js'
import { buildApi } from '../../support/api.js'

const inProduction =
  'the options are those of a test tenant (fastify-entra/testing), and NODE_ENV is production; give the options of a real tenant, or run tests with another NODE_ENV'

t.test('where NODE_ENV is production, registration throws, and so does a verifier', async (t) => {
  const tenant = await createTestTenant()
  const { NODE_ENV } = process.env
  t.teardown(() => {
    Reflect.deleteProperty(process.env, 'NODE_ENV')
    if (NODE_ENV !== undefined) process.env.NODE_ENV = NODE_ENV
  })
  process.env.NODE_ENV = 'production'
  const refused = { name: 'EntraConfigurationError', message: inProduction }
  const other = { tenantId: crypto.randomUUID(), clientId: crypto.randomUUID() }
  for (const options of [tenant.options, { tenants: [tenant.options] }, { tenants: [other, tenant.options] }]) {
    await t.rejects(buildApi(t, { options }), refused)
    const verifier = createVerifier(options as VerifierOptions)
    await t.rejects(verifier.ready(), refused)
    await t.rejects(verifier.verify({ scheme: 'Bearer', token: tenant.token() }), refused)
  }
  for (const spelling of ['production ', 'Production']) {
    process.env.NODE_ENV = spelling
    await t.rejects(buildApi(t, { options: tenant.options }), refused, spelling)
  }
  process.env.NODE_ENV = 'test'
  await t.resolves(buildApi(t, { options: tenant.options }))
})

t.test('the network is an own property under a symbol that nothing else has', async (t) => {
  const tenant = await createTestTenant()
  const symbols = Object.getOwnPropertySymbols(tenant.options)
  t.equal(symbols.length, 1)
  t.equal(Symbol.keyFor(symbols[0] as symbol), undefined, 'no Symbol.for')
  t.same(Object.keys(tenant.options), ['tenantId', 'clientId'])
  t.same(Object.keys(structuredClone({ ...tenant.options, [symbols[0] as symbol]: 1 })), ['tenantId', 'clientId'])
  // What JSON, or a variable, can carry is no network: the keys of the tenant are not known.
  const names = ['testNetwork', 'network', 'fastify-entra.testNetwork', String(symbols[0])]
  for (const name of names) {
    const options = JSON.parse(JSON.stringify({ ...tenant.options, [name]: {} }))
    await t.rejects(buildApi(t, { options }), { message: `there is no option "${name}"` }, name)
  }
})

t.test('an inherited network is none', async (t) => {
  const tenant = await createTestTenant({ authority: 'http://127.0.0.1:9' })
  const [symbol] = Object.getOwnPropertySymbols(tenant.options)
  const network = (tenant.options as never)[symbol as never] as object
  const options = JSON.parse(JSON.stringify(tenant.options))
  Object.assign(Object.prototype, { [symbol as symbol]: network })
  t.teardown(() => Reflect.deleteProperty(Object.prototype, symbol as symbol))
  const { app } = await buildApi(t, { options })
  t.equal((await app.inject({ url: '/me', headers: tenant.user() })).statusCode, 503)
  await app.close()
})

t.test('options of another copy of the package throw', async (t) => {
  const tenant = await createTestTenant()
  const options = { ...JSON.parse(JSON.stringify(tenant.options)), [Symbol('fastify-entra.testNetwork')]: {} }
  await t.rejects(buildApi(t, { options }), {
    constructor: EntraConfigurationError,
    message: /^the options are those of a test tenant of another copy of fastify-entra; install the package once/
  })
})

t.test('two test tenants: each answers for itself, and no address has another answer', async (t) => {
  const [one, other] = [await createTestTenant(), await createTestTenant({ shape: 'v1' })]
  const real = { issuer: 'https://real.example', audience: 'x' }
  const { app, logged } = await buildApi(t, { options: { tenants: [one.options, other.options, real] } })
  const status = async (headers: object) => (await app.inject({ url: '/me', headers: { ...headers } })).statusCode
  t.same([await status(one.user()), await status(other.user())], [200, 200])
  one.goDown()
  one.rotateKeys()
  other.rotateKeys()
  t.same([await status(one.user()), await status(other.user())], [503, 200])
  t.match(
    logged(),
    "no test tenant answers for https://real.example; give answers with tenant.answer('https://real.example', …)"
  )
  t.match(logged(), 'the test tenant is down')
})
