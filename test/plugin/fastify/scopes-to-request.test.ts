/** `scope` in the challenge of a 401: MCP authorization of 2026-07-28, "Protected Resource Metadata Discovery Requirements". */
import t from 'tap'
import { anyOf, requireAuthContext, requireRole, requireScope } from '../../../src/plugin/index.js'
import { optionsFor, startApi } from '../../support/api.js'
import { parseChallenge } from '../../support/http.js'
import { startTestTenant } from '../../support/tenant.js'

const publicUrl = 'https://api.example.com/mcp'
const resource = { publicUrl }
const routes = {
  '/any': {},
  '/scope': { preHandler: requireScope('Tools.Read') },
  '/either': { preHandler: anyOf(requireScope('Tools.Read'), requireScope('Tools.Write')) },
  '/role': { preHandler: requireRole('Admin') },
  '/step-up': { preHandler: [requireScope('access_as_user'), requireAuthContext('c1')] }
}

t.test('a client without a valid token learns the scopes of the route', async (t) => {
  const { get, tenant } = await startApi(t, { options: { resource }, routes })
  const scopeAt = async (path: string, token?: string) => {
    const { status, headers } = await get(path, token)
    t.equal(status, 401)
    return parseChallenge(headers.get('www-authenticate')).parameters.scope
  }
  const expired = await tenant.userToken({ exp: 1_000_000_000 })
  for (const token of [undefined, 'no-token', expired]) {
    t.equal(await scopeAt('/scope', token), `${publicUrl}/Tools.Read`)
    t.equal(await scopeAt('/either', token), `${publicUrl}/Tools.Read ${publicUrl}/Tools.Write`)
    t.equal(await scopeAt('/any', token), undefined)
    t.equal(await scopeAt('/role', token), undefined, 'no scope would help')
    t.equal(await scopeAt('/unknown', token), undefined)
  }
  const signedIn = await tenant.userToken({ xms_cc: ['cp1'] })
  t.equal(await scopeAt('/step-up', signedIn), undefined, 'another sign-in is required, and no other scope')
})

t.test('other refusals stay as they are, and all do without the option', async (t) => {
  const { get, tenant } = await startApi(t, { options: { resource }, routes })
  const { status, headers } = await get('/scope', undefined, { headers: { authorization: 'Bearer' } })
  t.equal(status, 400)
  t.equal(parseChallenge(headers.get('www-authenticate')).parameters.scope, undefined)
  const plain = await startApi(t, { tenant, routes })
  t.notMatch((await plain.get('/scope')).headers.get('www-authenticate'), 'scope=')
})

t.test('issuers that name scopes differently: none is named', async (t) => {
  const tenant = await startTestTenant(t)
  const other = { issuer: `${tenant.origin}/other`, audience: 'orders' }
  const { get } = await startApi(t, { tenant, options: { resource, tenants: [optionsFor(tenant), other] }, routes })
  t.notMatch((await get('/scope')).headers.get('www-authenticate'), 'scope=')
})
