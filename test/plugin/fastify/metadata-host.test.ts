/** Where the metadata of protected resources is served if the plugin is in a scope: the companion plugin for the root. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import entra, { protectedResourceMetadata, requireScope } from '../../../src/plugin/index.js'
import { makeApp } from '../../support/http.js'
import { clientId, tenantId } from '../../support/tenant.js'

const root = '/.well-known/oauth-protected-resource'
const options = { tenantId, clientId, authority: 'http://127.0.0.1:9' }
const handler = async () => 'ok'

/** A scope with the plugin for a resource, and one route. */
const scopeFor =
  (publicUrl: string | undefined, scopeName = 'Read') =>
  async (scope: FastifyInstance) => {
    await scope.register(entra, { ...options, ...(publicUrl !== undefined && { resource: { publicUrl } }) })
    scope.get('/orders', { preHandler: requireScope(scopeName) }, handler)
  }

async function ready(t: Test, program: (app: FastifyInstance) => unknown) {
  const made = makeApp(t)
  await program(made.app)
  await made.app.ready()
  const at = async (url: string) => {
    const { statusCode, body } = await made.app.inject(url)
    return statusCode === 200 ? (JSON.parse(body) as { resource?: string }).resource : statusCode
  }
  return { ...made, at }
}

t.test('in a scope with a prefix it is an error at start, which names the companion', async (t) => {
  const { app } = makeApp(t)
  await t.rejects(async () => app.register(scopeFor('https://api.example.com/a'), { prefix: '/a' }), {
    name: 'EntraConfigurationError',
    message: `resource is set in the scope /a, where no route ${root} can be declared; register protectedResourceMetadata`
  })
})

t.test('in a scope without a prefix it needs no companion', async (t) => {
  const { at } = await ready(t, async (app) => app.register(scopeFor('https://api.example.com/a')))
  t.equal(await at(root), 'https://api.example.com/a')
  t.equal(await at(`${root}/a`), 'https://api.example.com/a')
  t.equal(await at('/orders'), 401)
})

t.test('with the companion the document of a scope is at the root of the host', async (t) => {
  const { app, at, logged } = await ready(t, async (app) => {
    await app.register(protectedResourceMetadata)
    await app.register(scopeFor('https://api.example.com/a'), { prefix: '/a' })
    app.get('/', handler)
  })
  t.equal(await at(root), 'https://api.example.com/a')
  t.equal(await at(`${root}/a`), 'https://api.example.com/a')
  t.equal(await at(`/a${root}`), 404)
  t.equal(await at('/a/orders'), 401)
  t.equal((await app.inject({ method: 'POST', url: root })).statusCode, 405)
  const line =
    logged()
      .split('\n')
      .find((each) => each.includes('does not protect')) ?? ''
  t.match(line, /does not protect GET \/; /, 'its routes are public by intention')
})

t.test('two resources in one app: each at its own place, and none at the root', async (t) => {
  const { at, app } = await ready(t, async (app) => {
    await app.register(protectedResourceMetadata)
    await app.register(scopeFor('https://api.example.com/a', 'A.Read'), { prefix: '/a' })
    await app.register(scopeFor('https://api.example.com/b', 'B.Read'), { prefix: '/b' })
  })
  t.equal(await at(`${root}/a`), 'https://api.example.com/a')
  t.equal(await at(`${root}/b`), 'https://api.example.com/b')
  t.equal(await at(root), 404, 'it would be that of one of them')
  t.equal((await app.inject({ method: 'POST', url: root })).statusCode, 404)
  t.match((await app.inject(`${root}/b`)).json(), { scopes_supported: ['https://api.example.com/b/B.Read'] })
  t.match((await app.inject('/b/orders')).headers['www-authenticate'], `"https://api.example.com${root}/b"`)
  t.match((await app.inject('/a/orders')).headers['www-authenticate'], `"https://api.example.com${root}/a"`)
})

t.test('of two resources the one without a path is at the root', async (t) => {
  const { at } = await ready(t, async (app) => {
    await app.register(protectedResourceMetadata)
    await app.register(scopeFor('https://api.example.com/a'), { prefix: '/a' })
    await app.register(scopeFor('https://api.example.com'), { prefix: '/b' })
  })
  t.equal(await at(root), 'https://api.example.com')
  t.equal(await at(`${root}/a`), 'https://api.example.com/a')
})

t.test('with the plugin on the root instance the companion changes nothing', async (t) => {
  const { at, app } = await ready(t, async (app) => {
    await app.register(protectedResourceMetadata)
    await app.register(entra, { ...options, strictRoutes: true, resource: { publicUrl: 'https://api.example.com/a' } })
  })
  t.equal(await at(root), 'https://api.example.com/a')
  t.ok(app.entra.accessMatrix().every(({ auth }) => auth === 'none'))
})

t.test('without a resource the companion serves nothing', async (t) => {
  const { at } = await ready(t, async (app) => {
    await app.register(protectedResourceMetadata)
    await app.register(scopeFor(undefined), { prefix: '/a' })
  })
  t.equal(await at(root), 404)
})

t.test('what cannot be right is an error at start', async (t) => {
  const wrong: Readonly<Record<string, (app: FastifyInstance) => Promise<unknown>>> = {
    'protectedResourceMetadata is registered twice; register it once': async (app) => {
      await app.register(protectedResourceMetadata)
      await app.register(protectedResourceMetadata)
    },
    'protectedResourceMetadata is registered in the scope /a; register it on the root instance': async (app) =>
      app.register(async (scope) => void (await scope.register(protectedResourceMetadata)), { prefix: '/a' }),
    [`GET ${root}/a is declared already, and resource needs it`]: async (app) => {
      await app.register(protectedResourceMetadata)
      await app.register(scopeFor('https://api.example.com/a'), { prefix: '/a' })
      await app.register(scopeFor('https://other.example.com/a'), { prefix: '/b' })
    },
    [`GET ${root} is declared already, and resource needs it; remove that route, or, for several resources in one app, register protectedResourceMetadata`]:
      async (app) => {
        await app.register(scopeFor('https://api.example.com/a'))
        await app.register(async (scope) => {
          await scope.register(entra, { ...options, resource: { publicUrl: 'https://api.example.com/b' } })
        })
      }
  }
  for (const [message, program] of Object.entries(wrong)) {
    const { app } = makeApp(t)
    await t.rejects(async () => program(app), { name: 'EntraConfigurationError', message }, message)
  }
})
