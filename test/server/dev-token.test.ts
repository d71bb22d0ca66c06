/** `npm run token`: a token for any account, from the tenant that runs, or one line that says what to change. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { startTenant } from '../../src/tenant/index.js'
import { run } from '../support/process.js'

const tenant = await startTenant({ port: 0 })
t.teardown(() => tenant.close())
const here = { TENANT_PORT: new URL(tenant.origin).port }

async function token(t: Test, env: Record<string, string>, ...args: string[]) {
  const { process, output } = run(t, 'src/server/dev-token.ts', env, ...args)
  return { code: (await once(process, 'close'))[0], ...output }
}

t.test('a token for each kind of account, alone on stdout', async (t) => {
  const cases = {
    'guest@fabrikam.example': { tid: tenant.tenantId, scp: 'access_as_user Directory.Read', acct: 1 },
    'groups@contoso.example': { scp: 'access_as_user Directory.Read', _claim_names: {} },
    'admin@fabrikam.example': { tid: tenant.description.otherTenants[0]?.tenantId, roles: ['Admin'] },
    daemon: { roles: ['Directory.Read.All'], idtyp: 'app' },
    'fabrikam-daemon': { tid: tenant.description.otherTenants[0]?.tenantId, idtyp: 'app' }
  }
  const tries = Object.entries(cases).map(async ([name, claims]) => {
    const { code, out, err } = await token(t, here, name)
    t.equal(code, 0, err)
    t.match(decodeJwt(out.trim()), claims, name)
  })
  await Promise.all(tries)
})

t.test('a name that nobody has, or none: the names that there are', async (t) => {
  for (const [args, found] of [
    [['nobody'], 'there is no account "nobody"'],
    [[], 'the command names no account'],
    [['api'], 'there is no account "api"']
  ] as const) {
    const { code, out, err } = await token(t, here, ...args)
    t.same([code, out], [1, ''])
    const names = 'admin@contoso.example, user@contoso.example, guest@fabrikam.example, groups@contoso.example, daemon'
    t.ok(err.startsWith(`fastify-entra: ${found}; give one of ${names}, daemon-no-roles, admin@fabrikam.example`), err)
    t.equal(err.split('\n').length, 2, 'one line')
  }
})

t.test('no tenant, or another program: one line', async (t) => {
  const other = createServer((_request, response) => response.end('{"api":{}}')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  for (const TENANT_PORT of [String(port), '1']) {
    const { code, out, err } = await token(t, { TENANT_PORT }, 'daemon')
    t.same([code, out], [1, ''])
    const advice = 'start it with npm run dev, and set TENANT_PORT as there'
    t.equal(err, `fastify-entra: no embedded tenant was found at http://127.0.0.1:${TENANT_PORT}; ${advice}\n`)
  }
  t.match(await token(t, { TENANT_PORT: '1', TENANT_TLS: '1' }, 'daemon'), {
    code: 1,
    err: /https:\/\/127\.0\.0\.1:1;/
  })
  const usual = await token(t, { TENANT_PORT: '' }, 'nobody')
  t.same([usual.code, usual.out], [1, ''], 'whether a tenant is at the usual port or not')
  t.match(await token(t, { TENANT_PORT: 'x' }, 'daemon'), { code: 1, err: /^fastify-entra: TENANT_PORT "x" is not/ })
})
