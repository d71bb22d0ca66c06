/** Keys of rate limits: the same for one caller, different for any two, short whatever a token says, and without the names of people. */
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import type { Principal } from '../../../src/plugin/claims/principal.js'
import { setPrincipal } from '../../../src/plugin/fastify/request-principal.js'
import { keyByAddress, keyByClient, keyByPrincipal, keyByTenant } from '../../../src/plugin/index.js'
import { callerId, clientId, tenantId } from '../../support/tenant.js'

const all = { keyByPrincipal, keyByClient, keyByTenant, keyByAddress }

const user = {
  kind: 'user',
  id: callerId,
  subject: 'pairwise',
  provider: 'entra',
  issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
  tenantId,
  clientId,
  claims: {}
}
const app = { ...user, kind: 'app', id: 'service-principal' }
const another = { tenantId: 'https://id.example/realms/shop', issuer: 'https://id.example/realms/shop' }

function requestOf(principal: object | null, ip: string | undefined = '192.0.2.1'): FastifyRequest {
  const request = { ip } as FastifyRequest
  setPrincipal(request, principal as Principal | null)
  return request
}

const same = (key: (request: FastifyRequest) => string, one: object | null, other: object | null) =>
  key(requestOf(one)) === key(requestOf(other))

t.test('a principal: tenant, kind and ID decide, and nothing else', async (t) => {
  const v1 = { ...user, issuer: `https://sts.windows.net/${tenantId}/`, clientId: 'another', scopes: ['Orders.Read'] }
  t.ok(same(keyByPrincipal, user, v1), 'tokens of v1 and v2, through any client')
  t.notOk(same(keyByPrincipal, user, { ...user, id: 'another' }))
  t.notOk(same(keyByPrincipal, user, { ...user, ...another }), 'two providers with one sub')
  t.notOk(same(keyByPrincipal, { ...user, id: clientId }, app), 'a user whose ID is that of a client')
  t.ok(same(keyByPrincipal, app, { ...app, id: 'another' }), 'an app is its client')
  t.notOk(same(keyByPrincipal, app, { ...app, clientId: callerId }))
  t.notOk(same(keyByPrincipal, { ...app, clientId: '' }, { ...app, clientId: '', id: 'another' }), 'or its ID')
})

t.test('a client: its tenant and its ID', async (t) => {
  t.ok(same(keyByClient, user, { ...app, id: 'another' }), 'whoever uses it')
  t.notOk(same(keyByClient, user, { ...user, clientId: 'another' }))
  t.notOk(same(keyByClient, user, { ...user, ...another }), 'two providers with one client ID')
  const [nobodys, others] = [
    { ...user, clientId: '' },
    { ...user, clientId: '', id: 'another' }
  ]
  t.notOk(same(keyByClient, nobodys, others), 'callers whose provider names no client share no limit')
  t.notOk(same(keyByClient, { ...app, clientId: tenantId }, { ...app, tenantId: clientId, clientId: tenantId }))
})

t.test('a tenant', async (t) => {
  t.ok(same(keyByTenant, user, { ...app, id: 'another', clientId: 'another' }))
  t.notOk(same(keyByTenant, user, { ...user, ...another }))
})

t.test('no two kinds of keys are equal, nor are parts that end elsewhere', async (t) => {
  const requests = [user, app, { ...user, clientId: '' }, null].map((principal) => requestOf(principal))
  const keys = requests.flatMap((request) => [keyByPrincipal, keyByTenant, keyByAddress].map((key) => key(request)))
  t.same([new Set(keys).size, keyByClient(requestOf(null))], [5, keyByPrincipal(requestOf(null))])
  t.notOk(same(keyByPrincipal, { ...user, tenantId: 'a","b', id: 'c' }, { ...user, tenantId: 'a', id: 'b","c' }))
  t.notOk(same(keyByClient, { ...user, tenantId: 'ab', clientId: 'c' }, { ...user, tenantId: 'a', clientId: 'bc' }))
})

t.test('claims of any length and content make keys of one length, that show nothing of them', async (t) => {
  const long = 'x'.repeat(100_000)
  const hostile = ['', long, `${long}y`, '\r\nFLUSHALL\r\n', '\u0000', '\ud800', '{}*[]', 'anna@contoso.example']
  for (const [name, key] of Object.entries(all)) {
    const keys = hostile.map((text) => key(requestOf({ ...user, tenantId: text, id: text, clientId: text }, text)))
    for (const each of keys) t.match(each, /^(caller|address):[\w-]{43}$/, name)
    t.equal(new Set(keys).size, hostile.length, name)
  }
  t.match(keyByPrincipal(requestOf(null, long)), /^open:[\w-]{43}$/)
})

t.test('addresses: IPv4 alone, IPv6 by its network of 64 bits', async (t) => {
  const rows: [one: string | undefined, other: string | undefined, isSame: boolean][] = [
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['192.0.2.1', '::ffff:192.0.2.1', true],
    ['192.0.2.1', '::FFFF:c000:201', true],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
    ['2001:db8::1', '2001:DB8:0:0:ffff::2', true],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::', true],
    ['fe80::1%eth0', 'fe80::1', true],
    ['::1', '::', true],
    ['::1', '1::', false],
    ['garbage', 'Garbage', true],
    ['garbage', undefined, false],
    [undefined, undefined, true]
  ]
  for (const key of [keyByAddress, keyByPrincipal])
    for (const [one, other, isSame] of rows) {
      const [first, second] = [one, other].map((ip) => key(Object.assign(requestOf(null), { ip })))
      t.equal(first === second, isSame, `${one} ${other}`)
    }
})

t.test('where the plugin is not registered, requests count by address', async (t) => {
  for (const key of [keyByPrincipal, keyByClient, keyByTenant])
    t.equal(key({ ip: '192.0.2.1' } as FastifyRequest), keyByPrincipal(requestOf(null)))
})
