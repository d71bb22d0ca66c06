import t from 'tap'
import { deepFreeze } from '../../../src/plugin/claims/freeze.js'
import type { Principal } from '../../../src/plugin/claims/principal.js'
import { requirePolicy } from '../../../src/plugin/index.js'
import { admit } from '../../../src/plugin/verification/admit.js'
import { VerifiedPrincipals } from '../../../src/plugin/verification/verified-principals.js'
import type { VerifiedToken } from '../../../src/plugin/verification/verify.js'
import { startApi } from '../../support/api.js'
import { startTestTenant } from '../../support/tenant.js'
import { startVerifier } from '../../support/verifier.js'

t.test('frozen, all the way down', async (t) => {
  const value = deepFreeze({ list: [{ deep: [1] }], nothing: null, text: 'a', none: undefined })
  for (const part of [value, value.list, value.list[0], value.list[0]?.deep]) t.ok(Object.isFrozen(part))
})

t.test('deeper than any claim is, without an end of the stack', async (t) => {
  const depth = 1000
  t.doesNotThrow(() => deepFreeze(JSON.parse('['.repeat(depth) + ']'.repeat(depth))))
})

function thawed(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return []
  const own = Object.isFrozen(value) ? [] : [path]
  return [...own, ...Object.entries(value).flatMap(([name, member]) => thawed(member, `${path}.${name}`))]
}

t.test(
  'a principal is frozen at any depth wherever code of the application sees it, at the first request already',
  async (t) => {
    const tenant = await startTestTenant(t)
    /** A new one each time: none was seen before. */
    const token = () => tenant.userToken({ deep: [{ deeper: {} }], roles: ['Reader'], xms_act_fct: '11' })
    /** What each way shows of a principal that no other way has shown yet. */
    const ways: Record<string, (see: (seen: unknown) => void) => Promise<unknown>> = {
      'request.principal': async (see) => {
        const routes = {
          routes: (app: Parameters<typeof requested>[0]) => requested(app, ({ principal }) => see(principal))
        }
        await (await startApi(t, { tenant, ...routes })).get('/x', await token())
      },
      'request.principalOrNull': async (see) => {
        const routes = {
          routes: (app: Parameters<typeof requested>[0]) =>
            requested(app, ({ principalOrNull }) => see(principalOrNull))
        }
        await (await startApi(t, { tenant, ...routes })).get('/x', await token())
      },
      'request.user': async (see) => {
        const routes = {
          routes: (app: Parameters<typeof requested>[0]) =>
            requested(app, (request) => see(Reflect.get(request, 'user')))
        }
        await (await startApi(t, { tenant, options: { userDecorator: true }, ...routes })).get('/x', await token())
      },
      'request.jwtVerify()': async (see) => {
        const routes = {
          routes: (app: Parameters<typeof requested>[0]) =>
            requested(app, async (request) =>
              see(await (request as unknown as { jwtVerify(): Promise<unknown> }).jwtVerify())
            )
        }
        await (await startApi(t, { tenant, ...routes })).get('/x', await token())
      },
      'a policy': async (see) => {
        const preHandler = requirePolicy('looks', (principal) => {
          see(principal)
          return true
        })
        await (await startApi(t, { tenant, routes: { '/x': { preHandler } } })).get('/x', await token())
      },
      isRevoked: async (see) => {
        const isRevoked = (principal: Principal) => {
          see(principal)
          return false
        }
        await (await startApi(t, { tenant, options: { isRevoked }, routes: { '/x': {} } })).get('/x', await token())
      },
      'allowedTenants, and what else admits': async (see) => {
        const principal = { scopes: [], roles: ['Reader'], groups: [], claims: { deep: [{}] } }
        const profile = {
          rolelessClients: new Set(),
          admit: async (seen: unknown) => {
            see((seen as Principal).claims)
            return {}
          }
        }
        const verified = {
          verification: { decoded: { header: {} }, issuer: { settings: { profile } } },
          principal
        } as unknown as VerifiedToken
        await admit(
          verified,
          { cache: undefined, verified: new VerifiedPrincipals() },
          { info() {}, warn() {}, error() {} }
        )
      },
      'verifier.verify()': async (see) => {
        const verifier = startVerifier(t, tenant)
        see(await verifier.verify({ scheme: 'Bearer', token: await token() }))
      }
    }
    for (const [way, show] of Object.entries(ways)) {
      let times = 0
      await show((seen) => {
        times += 1
        t.type(seen, 'object', way)
        t.strictSame(thawed(seen), [], way)
      })
      t.equal(times, 1, way)
    }
  }
)

type Reader = (request: import('fastify').FastifyRequest) => unknown

/** A route that reads a request. */
function requested(app: import('fastify').FastifyInstance, read: Reader): void {
  app.get('/x', async (request) => {
    await read(request)
    return 'ok'
  })
}
