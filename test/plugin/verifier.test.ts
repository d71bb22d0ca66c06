/** `createVerifier()`: the checks of a request, without Fastify. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import {
  type AuditEvent,
  auditChannelName,
  createVerifier,
  credentialsOf,
  type Principal,
  requireGroup,
  requirePolicy,
  requireRole,
  requireScope,
  TokenRefusedError,
  type VerifierOptions
} from '../../src/plugin/verifier-index.js'
import { until } from '../faults/waits.js'
import { optionsFor, startApi } from '../support/api.js'
import { heardOn } from '../support/channel.js'
import { processClock } from '../support/clock.js'
import { get } from '../support/http.js'
import { recordingLogger } from '../support/log.js'
import { clientId, signingKey, startTestTenant, tenantId } from '../support/tenant.js'
import { startVerifier } from '../support/verifier.js'

const tenant = await startTestTenant(t)
const options = optionsFor(tenant)
const bearer = (token: string) => ({ scheme: 'Bearer', token }) as const

const start = (t: Test, more: object = {}) => startVerifier(t, tenant, more)

const now = Math.floor(Date.now() / 1000)
const tokens: Readonly<Record<string, string>> = {
  'a user': await tenant.userToken(),
  'an app': await tenant.appToken(),
  v1: await tenant.v1Token(),
  expired: await tenant.userToken({ exp: now - 3600 }),
  'not yet valid': await tenant.userToken({ nbf: now + 3600 }),
  'another audience': await tenant.userToken({ aud: 'api://other' }),
  Graph: await tenant.userToken({ aud: 'https://graph.microsoft.com' }),
  'another tenant': await tenant.userToken({ tid: 'ffffffff-2222-4333-8444-555555555555' }),
  'no exp': await tenant.userToken({ exp: undefined }),
  'an ID token': await tenant.userToken({ nonce: 'n' }),
  bound: await tenant.userToken({ cnf: { jkt: 'x' } }),
  'no permissions': await tenant.userToken({ scp: undefined }),
  forged: await tenant.userToken({}, {}, await signingKey('key-1')),
  'unknown key': await tenant.userToken({}, { kid: 'nobody' }),
  'another issuer': await tenant.userToken({ iss: 'https://nobody.example' }),
  'another type': await tenant.userToken({}, { typ: 'dpop+jwt' }),
  garbage: 'garbage'
}

t.test('the same answer as the plugin gives a request, to the byte', async (t) => {
  const { get } = await startApi(t, { tenant })
  const verifier = start(t)
  for (const [name, token] of Object.entries(tokens)) {
    const answer = await get('/me', token)
    const { body, status } = answer
    try {
      t.same(await verifier.verify(bearer(token)), JSON.parse(body), name)
    } catch (error) {
      if (!(error instanceof TokenRefusedError)) throw error
      const { requestId } = JSON.parse(body)
      const said = verifier.answerTo(error, requestId)
      t.equal(said.status, status, name)
      t.equal(JSON.stringify(said.body), body, `${name}: the body`)
      t.ok(answer.headers.get('content-type')?.startsWith(String(said.headers['content-type'])), `${name}: the type`)
      for (const header of ['www-authenticate', 'cache-control', 'retry-after'])
        t.equal(said.headers[header] ?? null, answer.headers.get(header), `${name}: ${header}`)
    }
  }
})

t.test('guards come to the same result for a principal', async (t) => {
  const log = recordingLogger()
  const verifier = start(t, { log })
  const user = await verifier.verify(bearer(await tenant.userToken({ roles: ['Reader'] })))
  await verifier.authorize(user, requireRole('Reader'))
  await verifier.authorize(user, requireScope('access_as_user'))
  await t.rejects(verifier.authorize(user, requireRole('Admin')), { code: 'insufficient_permissions' })
  const asked: unknown[] = []
  const policy = requirePolicy<{ log: typeof log; queue: string }>('own', (principal: Principal, { queue }) => {
    asked.push(principal.id, queue)
    return queue === 'mine'
  })
  await verifier.authorize(user, policy, { log, queue: 'mine' } as never)
  await t.rejects(verifier.authorize(user, policy, { log, queue: 'other' } as never), {
    code: 'insufficient_permissions'
  })
  t.same(asked, [user.id, 'mine', user.id, 'other'])
  await t.rejects(verifier.authorize(user, (() => {}) as never), {
    message: /^authorize\(\) got no principal, or no guard/
  })
})

t.test('an operation has a name, which records of its decisions have', async (t) => {
  const events = heardOn<AuditEvent>(t, auditChannelName)
  const verifier = start(t)
  const cancel = verifier.declareOperation('orders.cancel', requireRole('Admin'))
  const own = verifier.declareOperation(
    'orders.own',
    requirePolicy('own', (_principal, context) => (context as { queue?: string }).queue === 'mine')
  )
  t.throws(() => verifier.declareOperation('orders.cancel', requireRole('Admin')), {
    message: /^declareOperation\("orders.cancel", …\) was called before/
  })
  const admin = await verifier.verify(bearer(await tenant.userToken({ roles: ['Admin'] })))
  const user = await verifier.verify(bearer(String(tokens['a user'])))
  events.length = 0
  t.equal(await cancel(admin), admin)
  t.equal(await own(user, { queue: 'mine' } as never), user)
  await t.rejects(own(user), { code: 'insufficient_permissions' })
  await t.rejects(cancel(user), { code: 'insufficient_permissions' })
  await t.rejects(cancel({ ...admin }), { message: /^authorize\(\) got no principal/ })
  t.match(events, [
    { event: 'allowed', operation: 'orders.cancel' },
    { event: 'allowed', operation: 'orders.own' },
    { event: 'denied', operation: 'orders.own' },
    { event: 'denied', operation: 'orders.cancel' }
  ])
})

t.test('only principals of this verifier, whose tokens are still valid', async (t) => {
  const verifier = start(t)
  const other = start(t)
  const clock = processClock(t)
  const user = await verifier.verify(bearer(String(tokens['a user'])))
  const scope = requireScope('access_as_user')
  t.equal(await verifier.authorize(user, scope), user)
  for (const forged of [
    { ...user },
    structuredClone(user),
    Object.create(user),
    { kind: 'user', scopes: ['access_as_user'] }
  ])
    await t.rejects(verifier.authorize(forged as Principal, scope), { message: /^authorize\(\) got no principal/ })
  await t.rejects(other.authorize(user, scope), { message: /^authorize\(\) got no principal/ })
  clock.advance(3661_000)
  await t.rejects(verifier.authorize(user, scope), { code: 'token_expired', statusCode: 401 })
})

t.test('groups that do not fit into a token are looked up', async (t) => {
  const group = 'aaaaaaaa-bbbb-4ccc-8ddd-000000000001'
  const seen: unknown[] = []
  const verifier = start(t, {
    groups: async (_principal: unknown, { groupIds }: { groupIds: readonly string[] }) => {
      seen.push(...groupIds)
      return [group]
    }
  })
  const user = await verifier.verify(
    bearer(await tenant.userToken({ _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'x' } } }))
  )
  await verifier.authorize(user, requireGroup(group))
  await verifier.authorize(user, requireGroup(group))
  t.same(seen.splice(0), [group], 'once')
  const another = 'aaaaaaaa-bbbb-4ccc-8ddd-000000000002'
  verifier.declareOperation('other', requireGroup(another))
  await verifier.declareOperation('own', requireGroup(group))(user)
  t.same(seen, [another, group], 'one lookup for all declared operations')
})

t.test('a lookup on behalf of the user has no token to exchange', async (t) => {
  const log = recordingLogger()
  const verifier = start(t, {
    log,
    downstream: { clientSecret: 'a secret' },
    groups: async (
      _principal: unknown,
      { graph }: { graph: { tokenOnBehalfOf(scopes: string[]): Promise<string> } }
    ) => [await graph.tokenOnBehalfOf(['https://graph.microsoft.com/GroupMember.Read.All'])]
  })
  const user = await verifier.verify(
    bearer(await tenant.userToken({ _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'x' } } }))
  )
  await t.rejects(verifier.authorize(user, requireGroup('aaaaaaaa-bbbb-4ccc-8ddd-000000000001')), {
    code: 'groups_unavailable'
  })
  t.match(JSON.stringify(log), 'DownstreamError')
})

t.test('decisions are published, without the token', async (t) => {
  const events = heardOn<AuditEvent>(t, auditChannelName)
  const verifier = start(t)
  const user = await verifier.verify(bearer(String(tokens['a user'])))
  await verifier.authorize(user, requireScope('access_as_user'))
  await verifier.authorize(user, requireRole('Admin')).catch(() => {})
  await verifier.verify(bearer(String(tokens.expired))).catch(() => {})
  const own = events.filter((event) => !event.event.startsWith('tenant.') && !('requestId' in event))
  t.same(
    own.map(({ event }) => event),
    ['authenticated', 'allowed', 'denied', 'refused']
  )
})

t.test('ready() and every other call reject for invalid options, and not for an outage', async (t) => {
  const bad: [object, RegExp][] = [
    [{ ...options, tenantId: 'x y' }, /^tenantId "x y" is not allowed/],
    [{ ...options, strictRoutes: true }, /^strictRoutes is for the Fastify plugin/],
    [{ ...options, userDecorator: true }, /^userDecorator is for the Fastify plugin/],
    [{ ...options, nonsense: 1 }, /^there is no option "nonsense"/]
  ]
  for (const [given, message] of bad) {
    const verifier = createVerifier(given as VerifierOptions)
    const is = { name: 'EntraConfigurationError', message }
    await t.rejects(verifier.ready(), is)
    await t.rejects(verifier.verify(bearer('x')), is)
    await verifier.close()
  }
  const down = start(t, { authority: 'http://127.0.0.1:9' })
  await down.ready()
  t.same(
    down.issuers.map(({ state }) => state),
    ['cold', 'cold']
  )
  await t.rejects(down.verify(bearer(String(tokens['a user']))), { code: 'tenant_unavailable' })
  const outage = await down.verify(bearer(String(tokens['a user']))).catch((error) => error)
  const { headers } = down.answerTo(outage, '1')
  t.match(headers['retry-after'], /^[1-9]\d*$/)
  t.equal(headers['www-authenticate'], undefined, 'nothing that a client could do')
  const warned = recordingLogger()
  const open = start(t, { tenantId: 'organizations', allowedTenants: '*', log: warned })
  await open.ready()
  t.match(JSON.stringify(warned), /allowedTenants/, 'warnings are logged')
})

t.test('after close() it throws', async (t) => {
  const verifier = createVerifier(options)
  t.same(verifier.issuers, [], 'nothing is known yet')
  await verifier.ready()
  t.equal(verifier.issuers[0]?.state, 'fresh')
  await verifier.close()
  await t.rejects(verifier.verify(bearer(String(tokens['a user']))), { message: /this verifier is closed/ })
  await t.rejects(verifier.ready(), { name: 'EntraConfigurationError' })
})

t.test('only the scheme Bearer, and a header as RFC 6750 has it', async (t) => {
  const verifier = start(t)
  t.equal((await verifier.verify({ scheme: 'bearer', token: String(tokens.v1) } as never)).kind, 'user')
  for (const scheme of ['DPoP', '', String(tokens['a user'])])
    await t.rejects(verifier.verify({ scheme, token: 'x' } as never), { code: 'credentials_missing' })
  for (const none of [{ token: 'x' }, { scheme: 5, token: 'x' }, { scheme: [String(tokens['a user'])] }])
    await t.rejects(verifier.verify(none as never), {
      message: 'verify() got no scheme; give { scheme: "Bearer", token }'
    })
  t.same(credentialsOf('Bearer abc'), bearer('abc'))
  for (const none of [undefined, null, '']) t.throws(() => credentialsOf(none), { code: 'credentials_missing' })
  t.throws(() => credentialsOf('Bearer a b'), { code: 'authorization_malformed' })
})

t.test('keys are fetched once, whatever is called', async (t) => {
  const verifier = start(t)
  await verifier.ready()
  const before = tenant.requests.length
  const user = await verifier.verify(bearer(String(tokens['a user'])))
  for (let at = 0; at < 5; at += 1) {
    await verifier.ready()
    await verifier.verify(bearer('garbage')).catch(() => {})
    await verifier.authorize(user, requireScope('access_as_user'))
    await verifier.explain('garbage')
  }
  t.equal(tenant.requests.length, before)
})

t.test('keys are fetched before the first call', async (t) => {
  const verifier = start(t)
  await until('the keys to be there', () => verifier.issuers.some(({ state }) => state === 'fresh'))
})

t.test('an invalid log is an error that does not show its value', async (t) => {
  for (const log of [null, {}, () => {}, { info() {}, warn() {} }, 'a log'])
    await t.rejects(start(t, { log }).ready(), { message: /^log .* is not allowed; give a logger/ })
})

t.test('answerTo() works before the first verification, and rethrows other errors', async (t) => {
  const verifier = createVerifier(options)
  t.teardown(() => verifier.close())
  try {
    credentialsOf('')
  } catch (error) {
    t.match(verifier.answerTo(error, '1').headers, { 'www-authenticate': `Bearer realm="api://${clientId}"` })
  }
  const other = new Error('a bug')
  t.throws(() => verifier.answerTo(other, '1'), other)
  const wrong = createVerifier({ clientId } as never)
  t.throws(() => wrong.answerTo(other, '1'), other)
  await t.rejects(wrong.ready(), { name: 'EntraConfigurationError' })
})

t.test(
  'authorize: a value that is not a principal, and a policy that throws without a log in its context',
  async (t) => {
    const verifier = start(t, { log: recordingLogger() })
    const user = await verifier.verify(bearer(String(tokens['a user'])))
    await t.rejects(verifier.authorize(undefined as never, requireRole('Admin')), {
      message: /^authorize\(\) got no principal/
    })
    const seen: unknown[] = []
    const throws = requirePolicy<object>('throws', (_principal, context) => {
      seen.push((context as { queue?: string }).queue)
      throw new Error('down')
    })
    await t.rejects(verifier.authorize(user, throws, { queue: 'mine' } as never), { code: 'policy_unavailable' })
    t.same(seen, ['mine'])
  }
)

t.test('explain: every check, also after the first that fails', async (t) => {
  const verifier = start(t)
  const good = await verifier.explain(String(tokens['a user']))
  t.equal(good.code, undefined)
  t.same(
    good.checks.filter(({ outcome }) => outcome !== 'passed'),
    []
  )
  t.ok(good.checks.length >= 16, `${good.checks.length} checks`)
  for (const { id, source, expected } of good.checks) t.ok(id && source && expected, `${id}: ${source}: ${expected}`)
  const twice = await verifier.explain(await tenant.userToken({ aud: 'api://other', cnf: {}, exp: now - 3600 }))
  t.same(
    twice.checks.filter(({ outcome }) => outcome === 'failed').map(({ id, code }) => [id, code]),
    [
      ['time', 'token_expired'],
      ['cnf', 'bound_token'],
      ['entra.aud', 'wrong_audience']
    ]
  )
  t.match(
    twice.checks.find(({ id }) => id === 'entra.aud'),
    { expected: `${clientId} or api://${clientId}`, found: '"api://other"' }
  )
  for (const [name, token] of Object.entries(tokens)) {
    const { code } = await verifier.explain(token)
    const refused = await verifier.verify(bearer(token)).then(
      () => undefined,
      (error: TokenRefusedError) => error.code
    )
    t.equal(code, refused, name)
  }
  const unknown = await verifier.explain(String(tokens['unknown key']))
  t.equal(unknown.checks.find(({ id }) => id === 'signature')?.outcome, 'undecided')
  t.equal((await verifier.explain('garbage')).checks.length, 1)
  for (const odd of [undefined, null, 5, {}, new String(tokens['a user']), [tokens['a user']]])
    t.match(await verifier.explain(odd as never), { code: 'token_malformed', checks: [{ id: 'form' }] })
})

t.test('explain: what cannot be decided at the moment comes last, as in a request', async (t) => {
  const own = await startTestTenant(t)
  own.answers.set(own.paths.keys, (_request, response) => void response.writeHead(500).end())
  own.answers.set(own.paths.v1Keys, (_request, response) => void response.end(JSON.stringify({ keys: own.keys })))
  const verifier = start(t, { authority: own.origin })
  const token = await own.v1Token()
  await t.rejects(verifier.verify(bearer(token)), { code: 'tenant_unavailable' })
  const { code, checks } = await verifier.explain(token)
  t.equal(code, 'tenant_unavailable')
  t.match(checks.slice(-2), [
    { id: 'key.issuer', outcome: 'failed', code: 'tenant_unavailable' },
    { id: 'permissions', outcome: 'undecided' }
  ])
})

t.test('in a plain server of Node.js', async (t) => {
  const verifier = start(t)
  const server = createServer((request, response) => {
    const answer = async () => {
      const { id } = await verifier.verify(credentialsOf(request.headers.authorization))
      response.end(id)
    }
    answer().catch((error) => {
      const { status, headers, body } = verifier.answerTo(error, '1')
      response.writeHead(status, headers).end(JSON.stringify(body))
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.equal((await get(origin, tokens['a user'])).status, 200)
  const { status, headers } = await get(origin)
  t.equal(status, 401)
  t.match(headers.get('www-authenticate'), /^Bearer realm="api:/)
})

t.test('with a resource, the challenge names its metadata, which resourceMetadata() builds', async (t) => {
  const verifier = start(t, { resource: { publicUrl: 'https://api.example.com/mcp' } })
  t.equal(verifier.resourceMetadata(), undefined, 'not yet')
  await verifier.ready()
  const server = `${tenant.origin}/${tenantId}/v2.0`
  const bare = {
    resource: 'https://api.example.com/mcp',
    authorization_servers: [server],
    bearer_methods_supported: ['header']
  }
  t.strictSame(verifier.resourceMetadata(), bare)
  const scopes_supported = ['https://api.example.com/mcp/Orders.Read']
  t.strictSame(verifier.resourceMetadata([requireScope('Orders.Read'), requireRole('Admin')]), {
    ...bare,
    scopes_supported
  })
  verifier.declareOperation('orders.read', requireScope('Orders.Read'))
  t.strictSame(verifier.resourceMetadata(), { ...bare, scopes_supported }, 'those of operations')
  const token = await tenant.userToken({ aud: 'https://other.example' })
  const refused = await verifier.verify({ scheme: 'Bearer', token }).catch((error: unknown) => error)
  t.match(
    verifier.answerTo(refused, '1').headers['www-authenticate'],
    'resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp"'
  )
  await start(t).ready()
  t.equal(start(t).resourceMetadata(), undefined)
})
