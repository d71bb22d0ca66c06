/** `fastify-entra doctor`: what it says of an API where all is well, and of broken ones. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { checkPackage } from '../../../src/plugin/command/checks/credential.js'
import { wrongBecause } from '../../../src/plugin/command/checks/diagnosis.js'
import { checkRedis } from '../../../src/plugin/command/checks/redis.js'
import type { Outcome } from '../../../src/plugin/command/outcome.js'
import { run } from '../../../src/plugin/command/run.js'
import type { OwnClient } from '../../../src/plugin/downstream/options.js'
import type { IssuerSettings } from '../../../src/plugin/issuers/issuer.js'
import { environmentFor } from '../../../src/server/environment.js'
import { startTenant, type Tenant } from '../../../src/tenant/index.js'
import { freePort, needsRedis, startRedis } from '../../support/redis.js'
import { startTestTenant } from '../../support/tenant.js'

type Variables = Readonly<Record<string, string>>

const client = '20000000-0000-4000-8000-000000000001'
const other = '20000000-0000-4000-8000-0000000000ff'
const password = 'canary-password-of-redis-or-proxy'
const apps = join(import.meta.dirname, 'apps')

/** Texts that no output may have, beside tokens. */
const canaries = new Set([password, 'canary-wrong-secret', 'eyJ'])

/** Runs the command, and requires that no secret and no token is in what it prints. */
async function doctor(t: Test, env: Variables, ...args: string[]): Promise<Outcome> {
  const outcome = await run(['doctor', ...args], env, async () => '')
  for (const canary of [...canaries, env.ENTRA_CLIENT_SECRET])
    if (canary) t.notOk(`${outcome.out}${outcome.err}`.includes(canary), 'no secret, and no token')
  return outcome
}

/** The lines of what is wrong. */
const wrongLines = ({ out }: Outcome) => out.split('\n').filter((line) => line.startsWith('WRONG'))

async function requireWrong(t: Test, outcome: Outcome, ...expected: RegExp[]) {
  t.equal(outcome.exitCode, 1, outcome.out)
  const lines = wrongLines(outcome)
  t.equal(lines.length, expected.length, lines.join('\n'))
  expected.forEach((line, index) => {
    t.match(lines[index] ?? '', line)
    t.match(lines[index] ?? '', /^WRONG {4}\w+ +.+; .+/, 'it says what to change')
  })
}

const tenant = await startTenant({ port: 0 })
t.teardown(() => tenant.close())
const own: Variables = environmentFor(tenant)
const control = (path: string, body?: string) =>
  fetch(`${tenant.origin}/_control/${path}`, {
    method: 'POST',
    ...(body !== undefined && { body, headers: { 'content-type': 'text/plain' } })
  })

/** For what reads the variables of its own process: the app, and connections. */
function setVariables(t: Test, variables: Variables) {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    process.env[name] = value
    t.teardown(() => {
      if (before === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = before
    })
  }
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** A tenant that answers as the embedded one does, except for what is changed. */
async function startAltered(t: Test, change: (path: string, answer: Answer) => void): Promise<Variables> {
  const server = createServer(async (request, response) => {
    const origin = `http://${request.headers.host}`
    const swap = (text: string, from: string, to: string) =>
      text.replaceAll(from, to).replaceAll(encodeURIComponent(from), encodeURIComponent(to))
    const sent = swap((await buffer(request)).toString(), origin, tenant.origin)
    const { authorization, 'content-type': type } = request.headers
    const its = await fetch(tenant.origin + request.url, {
      method: String(request.method),
      headers: { ...(authorization && { authorization }), ...(type && { 'content-type': type }) },
      ...(request.method === 'POST' && { body: sent })
    })
    const answer: Answer = { status: its.status, headers: {}, body: swap(await its.text(), tenant.origin, origin) }
    change(String(request.url), answer)
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { ...own, ENTRA_AUTHORITY: origin, GRAPH_URL: origin }
}

t.test('all is well', async (t) => {
  setVariables(t, own)
  const { exitCode, out, err } = await doctor(t, own, join(apps, 'server.ts'))
  t.equal(exitCode, 0, out)
  t.equal(err, '')
  const expected = [
    /^ok {7}configuration {2}2 issuers, for tokens whose aud is 20000000-\S+ or api:/,
    /^ok {7}proxy {10}http:\S+ without a proxy$/,
    /^ok {7}authorities {4}those of Node.js; NODE_EXTRA_CA_CERTS adds none$/,
    /^ok {7}keys {11}http:\S+: 1 key of http:\S+\/v2\.0$/,
    /^ok {7}keys /,
    /^ok {7}clock {10}within 30 s of that of http:/,
    /^ok {7}credential {5}20000000-\S+ gets a token for http:/,
    /^ok {7}consent {8}granted in Microsoft Graph: User\.Read\.All, Application/,
    /^skipped {2}consent {8}undecided for delegated permissions \(on-behalf-of\): AADSTS65001 .*; call such a route as a user; /,
    /^skipped {2}expiry {9}the registration does not show when/,
    /^ok {7}registration /,
    /^ok {7}claims /,
    /^skipped {2}redis {10}REDIS_URL is not set$/
  ]
  const lines = out.trimEnd().split('\n')
  t.equal(lines.length, expected.length)
  expected.forEach((line, index) => {
    t.match(lines[index] ?? '', line)
  })
  const json = JSON.parse((await doctor(t, own, '--json', '--tenant', String(own.ENTRA_TENANT_ID))).out)
  t.match(json[0], { id: 'configuration', outcome: 'ok', found: String })
  t.match(json.at(-2), { id: 'registration', outcome: 'skipped', found: /no module/ })
})

t.test('how it is called', async (t) => {
  t.match(await doctor(t, {}), { exitCode: 2, out: '', err: /are missing; .* --tenant and --client\n$/ })
  t.match(await doctor(t, own, '--help'), { exitCode: 0, out: /^usage: fastify-entra doctor/ })
  for (const args of [
    ['--secret', 'canary-wrong-secret'],
    ['one.ts', 'two.ts']
  ])
    t.match(await doctor(t, own, ...args), { exitCode: 2, out: '', err: /^doctor takes / })
})

t.test('variables that are wrong', async (t) => {
  const outcome = await doctor(t, { ...own, ENTRA_TENANT_ID: 'canary' })
  await requireWrong(t, outcome, /configuration .*ENTRA_TENANT_ID "canary" is not allowed; give/)
  t.match(outcome.out, /^skipped {2}keys {11}what is above must be correct first$/m)
  t.match(outcome.out, /^skipped {2}registration {3}what is above must be correct first$/m)
  await requireWrong(t, await doctor(t, { ...own, GRAPH_URL: 'http://graph.example.com' }), /GRAPH_URL/)
  const warned = await doctor(t, { ...own, ENTRA_AUDIENCE: 'api://orders' })
  t.match(warned.out, /^ok {7}configuration {2}allowed, but: audience replaces/m)
})

t.test('the tenant ID is wrong', async (t) => {
  const outcome = await doctor(t, own, '--tenant', other)
  await requireWrong(t, outcome, /keys .*answered 404; check the tenant ID/)
  t.match(outcome.out, /no such document, and needs none$/m)
  t.match(outcome.out, /^skipped {2}credential .*must be fetched first$/m)
})

t.test('another authority answers', async (t) => {
  const env = await startAltered(t, (path, answer) => {
    if (path.endsWith('/v2.0/.well-known/openid-configuration'))
      answer.body = answer.body.replace(/"issuer":"[^"]+"/, '"issuer":"https://login.example.com"')
  })
  await requireWrong(t, await doctor(t, env), /keys .*names the issuer "https:.*; compare the tenant/)
})

t.test('the client ID, or its secret, is wrong', async (t) => {
  await requireWrong(
    t,
    await doctor(t, own, '--client', other),
    /credential .*400 unauthorized_client AADSTS700016; ENTRA_CL/
  )
  const outcome = await doctor(t, { ...own, ENTRA_CLIENT_SECRET: 'canary-wrong-secret' })
  await requireWrong(t, outcome, /credential .*401 invalid_client; ENTRA_CLIENT_SECRET or/)
  t.match(outcome.out, /^skipped {2}consent {8}it needs a token for Microsoft Graph, and there is none$/m)
})

t.test('what the tenant says of a credential', async (t) => {
  const said = { status: 401, body: {} as object }
  const env = await startAltered(t, (path, answer) => {
    if (path.includes('/token')) Object.assign(answer, { ...said, body: JSON.stringify(said.body) })
  })
  const rows: [status: number, body: object, line: RegExp][] = [
    [401, { error: 'invalid_client', error_codes: [7000215] }, /AADSTS7000215; ENTRA_CLIENT_SECRET must be the Value/],
    [401, { error: 'invalid_client', error_codes: [7000222] }, /AADSTS7000222; the secret has expired: create/],
    [400, { error: 'invalid_grant', error_codes: [65001] }, /AADSTS65001; add the permission/],
    [400, { error: 'odd', error_codes: [123] }, /400 odd AADSTS123; look the number up/],
    [200, {}, /credential .*refuses 20000000-\S+: 200 without a reason; look/],
    [503, {}, /credential .*no token for http:\S+: the tenant answered 503; try again/]
  ]
  for (const [status, body, line] of rows) {
    Object.assign(said, { status, body })
    await requireWrong(t, await doctor(t, env), line)
  }
  Object.assign(said, { status: 200, body: { token_type: 'Bearer', expires_in: 3600, access_token: 'opaque' } })
  const opaque = await doctor(t, env)
  t.match(opaque.out, /^skipped {2}consent .*does not show its permissions$/m)
  t.equal(opaque.exitCode, 0)
})

t.test('certificates: expired, soon to expire, and not that of the registration', async (t) => {
  const write = async (days: number) => {
    const notBeforeDate = new Date(Date.now() - 40 * 86_400_000)
    const notAfterDate = new Date(Date.now() + (days + 0.5) * 86_400_000)
    const made = await generate([{ name: 'commonName', value: 'api' }], {
      algorithm: 'sha256',
      notBeforeDate,
      notAfterDate
    })
    const file = join(t.testdir(), `${days}.pem`)
    writeFileSync(file, `${made.private}\n${made.cert}`)
    return { file, certificate: made.cert }
  }
  const { ENTRA_CLIENT_SECRET: _, ...without } = own
  const use = (file: string) => doctor(t, { ...without, ENTRA_CLIENT_CERTIFICATE: file })
  const expired = await write(-2)
  await requireWrong(t, await use(expired.file), /expiry .*the certificate expired on 20\S+; issue/, /credential /)
  await control(`certificate?clientId=${client}`, expired.certificate)
  await requireWrong(t, await use(expired.file), /expiry .*the certificate expired on 20/)
  const soon = await write(5)
  await control(`certificate?clientId=${client}`, soon.certificate)
  await requireWrong(t, await use(soon.file), /expiry .*expires on 20\S+, in 5 days; issue/)
  const later = await write(100)
  await control(`certificate?clientId=${client}`, later.certificate)
  const { exitCode, out } = await use(later.file)
  t.equal(exitCode, 0, out)
  t.match(out, /^ok {7}expiry {9}the certificate expires on 20\S+, in 100 days$/m)
})

t.test('two secrets during a rotation: each is tried', async (t) => {
  const { ENTRA_CLIENT_SECRET: secret = '' } = own
  const one = { ...own, ENTRA_CLIENT_SECRET: 'canary-wrong-secret', ENTRA_CLIENT_SECRET_NEXT: secret }
  const outcome = await doctor(t, one)
  await requireWrong(t, outcome, /credential .*refuses 20000000-\S+ with credential 1 of 2: 401 invalid_client; /)
  t.match(outcome.out, /^ok {7}credential {5}20000000-\S+ gets a token for http:\S+ with credential 2 of 2$/m)
  t.match(outcome.out, /^ok {7}consent /m)
  t.notMatch(outcome.out, secret)
  const both = await doctor(t, { ...own, ENTRA_CLIENT_SECRET_NEXT: 'canary-wrong-secret' })
  await requireWrong(t, both, /credential .*refuses 20000000-\S+ with credential 2 of 2: /)
})

t.test('a workload identity: its file, and a federated credential that fits', async (t) => {
  const { ENTRA_CLIENT_SECRET: _, ...without } = own
  const jwt = [{ alg: 'RS256' }, { iss: 'https://cluster.example', sub: 'api' }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat('c2lnbmF0dXJl')
    .join('.')
  const folder = t.testdir({ token: jwt, other: 'canary-wrong-secret' })
  const use = (name: string) => doctor(t, { ...without, AZURE_FEDERATED_TOKEN_FILE: join(folder, name) })
  await requireWrong(
    t,
    await use('other'),
    /configuration .*AZURE_FEDERATED_TOKEN_FILE has no JWT in the file .*other"; give/
  )
  await requireWrong(t, await use('none'), /configuration .*AZURE_FEDERATED_TOKEN_FILE cannot be read \(ENOENT\); give/)
  const query = new URLSearchParams({ clientId: client, issuer: 'https://another.example', subject: 'api' })
  await fetch(`${tenant.origin}/_control/federated-credential?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keys: [] })
  })
  await requireWrong(t, await use('token'), /credential .* 401 invalid_client AADSTS700211; add a federated credential/)
})

t.test('a managed identity that the machine does not have', async (t) => {
  const { ENTRA_CLIENT_SECRET: _, ...without } = own
  const server = createServer((_request, response) => response.writeHead(400).end('{"message":"no identity here"}'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/msi/token`
  setVariables(t, { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: 'canary-wrong-secret' })
  const outcome = await doctor(t, { ...without, ENTRA_MANAGED_IDENTITY: 'system' })
  await requireWrong(t, outcome, /credential .*downstream.managedIdentity failed: .*; check what the platform provides/)
  t.match(outcome.out, /^skipped {2}consent {8}it needs a token for Microsoft Graph, and there is none$/m)
})

t.test('several keys', async (t) => {
  await control('rotate?keep=1')
  t.match((await doctor(t, own)).out, /^ok {7}keys .*: 2 keys of http/m)
})

t.test('the tenant is down', async (t) => {
  const ENTRA_AUTHORITY = `http://127.0.0.1:${await freePort()}`
  const outcome = await doctor(t, { ...own, ENTRA_AUTHORITY })
  await requireWrong(t, outcome, /keys .*ECONNREFUSED.*; no process listens/, /keys /)
  t.match(outcome.out, /^skipped {2}clock .*no response of http:\S+ had a Date$/m)
})

t.test('the clock is wrong', async (t) => {
  const env = await startAltered(t, (_path, { headers }) => {
    headers.date = new Date(Date.now() + 600_000).toUTCString()
  })
  await requireWrong(t, await doctor(t, env), /clock .*(599|600) s behind that of http:\S+; synchronize/)
})

t.test('proxies', async (t) => {
  const ENTRA_AUTHORITY = 'https://login.example.test'
  const through = async (t: Test, proxy: string) => {
    setVariables(t, { HTTPS_PROXY: proxy })
    return doctor(t, { ...own, ENTRA_AUTHORITY, HTTPS_PROXY: proxy })
  }
  await t.test('nobody listens there', async (t) => {
    const port = await freePort()
    const outcome = await through(t, `http://user:${password}@127.0.0.1:${port}`)
    const line = new RegExp(`keys .*; the proxy http://127.0.0.1:${port} of HTTPS_PROXY cannot be reached; correct`)
    await requireWrong(t, outcome, line, line)
    t.match(outcome.out, /^ok {7}proxy {10}https:\S+ through the proxy http:\S+ of HTTPS_PROXY$/m)
  })
  await t.test('it requires a password', async (t) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const outcome = await through(t, `http://user:${password}@127.0.0.1:${(server.address() as AddressInfo).port}`)
    await requireWrong(t, outcome, /keys .*407.*; the proxy requires credentials/, /keys /)
  })
  await t.test('a value that is no proxy', async (t) => {
    const outcome = await through(t, `ftp://user:${password}@127.0.0.1`)
    await requireWrong(t, outcome, /proxy .*HTTPS_PROXY cannot be used; give http:/)
    t.match(outcome.out, /^skipped {2}keys /m)
  })
})

t.test('certificate authorities', async (t) => {
  const secure: Tenant = await startTenant({ port: 0, tls: true })
  t.teardown(() => secure.close())
  const env = environmentFor(secure)
  const unknown = /keys .*certificate.*; Node\.js does not trust .*NODE_EXTRA_CA_CERTS/
  await requireWrong(t, await doctor(t, env), unknown, unknown)
  const NODE_EXTRA_CA_CERTS = join(t.testdir({ 'ca.pem': String(secure.ca) }), 'ca.pem')
  t.match((await doctor(t, { ...own, NODE_EXTRA_CA_CERTS })).out, /^ok {7}authorities {4}.*NODE_EXTRA_CA_CERTS: CN=/m)
  const missing = { ...own, NODE_EXTRA_CA_CERTS: '/does/not/exist.pem' }
  await requireWrong(t, await doctor(t, missing), /authorities .*cannot be read as a certificate, .*; give the path/)
})

t.test('Redis', needsRedis, async (t) => {
  const redis = await startRedis(
    t,
    '--requirepass',
    password,
    '--user',
    'pinger',
    'on',
    `>${password}`,
    '~*',
    '+info',
    '+select'
  )
  const at = (user: string) => ({ ...own, REDIS_URL: redis.url.replace('//', `//${user}@`) })
  t.match((await doctor(t, at(`:${password}`))).out, /^ok {7}redis {10}127\.0\.0\.1:\d+ answers PING$/m)
  await requireWrong(t, await doctor(t, at(':canary-wrong-secret')), /redis .*: WRONGPASS.*; correct user and password/)
  await requireWrong(t, await doctor(t, { ...own, REDIS_URL: redis.url }), /redis .*: NOAUTH.*; correct user/)
  await requireWrong(t, await doctor(t, at(`pinger:${password}`)), /redis .*: NOPERM.*; allow this user/)
  await redis.kill()
  await requireWrong(t, await doctor(t, at(`:${password}`)), /redis .*: ECONNREFUSED; no process listens/)
  const tls = await startTestTenant(t)
  await requireWrong(
    t,
    await doctor(t, { ...own, REDIS_URL: tls.origin.replace('http', 'redis') }),
    /redis .*; check host/
  )
  await requireWrong(
    t,
    await doctor(t, { ...own, REDIS_URL: `redis://:${password}@/x` }),
    /redis .*REDIS_URL cannot be/
  )
  const absent = () => Promise.reject(new Error('Cannot find package'))
  t.match(await checkRedis(redis.url, absent), {
    outcome: 'skipped',
    found: /ioredis is not installed/,
    change: /install/
  })
})

t.test('permissions that are not granted', async (t) => {
  const args = ['--permissions', 'User.Read.All, Mail.Send']
  await requireWrong(
    t,
    await doctor(t, own, ...args),
    /consent .*not granted: Mail\.Send; granted: \["User\.Read\.All".*; add what/
  )
  const { exitCode, out } = await doctor(t, own, '--permissions', 'User.Read.All')
  t.equal(exitCode, 0, out)
  const poor = tenant.description.clients.find(({ name }) => name === 'daemon-no-roles')
  const env = { ...own, ENTRA_CLIENT_ID: String(poor?.clientId), ENTRA_CLIENT_SECRET: String(poor?.clientSecret) }
  const none = await doctor(t, env)
  t.equal(none.exitCode, 0)
  t.match(none.out, /^ok {7}consent {8}no application permission .* is granted, and --permissions requires none$/m)
  t.match(none.out, /^skipped {2}registration .*answered 403.*; .*Application\.Read\.All/m)
  await requireWrong(t, await doctor(t, env, '--permissions', 'GroupMember.Read.All'), /consent /)
})

t.test('the secret expires', async (t) => {
  let secrets: unknown
  const env = await startAltered(t, (path, answer) => {
    if (path.includes('passwordCredentials')) answer.body = JSON.stringify({ passwordCredentials: secrets })
  })
  const inDays = (days: number) => new Date(Date.now() + (days + 0.5) * 86_400_000).toISOString()
  secrets = [
    { hint: 'dev', endDateTime: inDays(3) },
    { hint: 'xyz', endDateTime: inDays(300) }
  ]
  await requireWrong(t, await doctor(t, env), /expiry .*the secret expires on 20\S+, in 3 days; create/)
  secrets = [
    { hint: 'dev', endDateTime: inDays(3) },
    { hint: 'dev', endDateTime: inDays(300) }
  ]
  t.match((await doctor(t, env)).out, /^ok {7}expiry {9}the secret expires on 20\S+, in 300 days$/m)
  secrets = [null, { hint: '', endDateTime: inDays(3) }, { hint: 'dev', endDateTime: 'never' }]
  t.match((await doctor(t, env)).out, /^skipped {2}expiry /m)
})

t.test('the registration, against the guards of a module', async (t) => {
  setVariables(t, own)
  const lacking = await doctor(t, own, join(apps, 'registered.ts'))
  await requireWrong(
    t,
    lacking,
    /registration .*Directory\.Read" is not in code; write/,
    /registration .*Admin: displayName is "Administrators"/,
    /registration .*Admin: description is /,
    /registration .*appRoles: Orders\.Write\.All is missing; write the registration with fastify-entra manifest/,
    /registration .*Directory\.Read\.All" is not in code/,
    /claims .*optionalClaims\.accessToken: sid is missing; set it for access tokens/
  )
  await control('api?requestedAccessTokenVersion=1')
  t.teardown(() => control('api?requestedAccessTokenVersion=2'))
  const old = await doctor(t, own, join(apps, 'server.ts'))
  await requireWrong(t, old, /registration .*requestedAccessTokenVersion is 1, and 2 in code; write/)
  await requireWrong(t, await doctor(t, own, join(apps, 'contradictory.ts')), /registration .*different definitions/)
  await requireWrong(t, await doctor(t, own, join(apps, 'odd.ts')), /registration .*permissions is no object/)
  await requireWrong(t, await doctor(t, own, join(apps, 'missing.ts')), /registration .*Cannot find module/)
})

t.test('a scope, and an optional claim, are missing in the registration', async (t) => {
  const env = await startAltered(t, (path, answer) => {
    if (!path.includes('optionalClaims')) return
    const registration = JSON.parse(answer.body)
    registration.api.oauth2PermissionScopes.shift()
    registration.optionalClaims.accessToken.shift()
    answer.body = JSON.stringify(registration)
  })
  setVariables(t, env)
  await requireWrong(
    t,
    await doctor(t, env, join(apps, 'server.ts')),
    /registration .*oauth2PermissionScopes: access_as_user is missing: .* with AADSTS650053; add the scope/,
    /claims .*accessToken: idtyp is missing; set it/
  )
})

t.test('AADSTS650053: a scope that guards require is disabled', async (t) => {
  const env = await startAltered(t, (path, answer) => {
    if (!path.includes('optionalClaims')) return
    const registration = JSON.parse(answer.body)
    registration.api.oauth2PermissionScopes[0].isEnabled = false
    answer.body = JSON.stringify(registration)
  })
  setVariables(t, env)
  await requireWrong(
    t,
    await doctor(t, env, join(apps, 'server.ts')),
    /registration .*access_as_user: isEnabled is false, and true in code: .* with AADSTS650053; enable the scope/
  )
})

t.test('AADSTS9010010: the URL of the API is no App ID URI of the registration', async (t) => {
  const url = 'https://api.example.com/mcp'
  const env = { ...own, RESOURCE_URL: url }
  setVariables(t, env)
  const line =
    /registration .*identifierUris: https:\S+\/mcp is missing: .* as resource with AADSTS9010010; add this URL/
  await requireWrong(t, await doctor(t, env), line)
  await requireWrong(t, await doctor(t, env, join(apps, 'server.ts')), line)
  tenant.addAppIdUri(url)
  for (const args of [[], [join(apps, 'server.ts')]]) {
    const { exitCode, out } = await doctor(t, env, ...args)
    t.equal(exitCode, 0, out)
  }
})

t.test('Graph is down', async (t) => {
  const env = await startAltered(t, (path, answer) => {
    if (path.startsWith('/v1.0/')) answer.headers['content-encoding'] = 'gzip'
  })
  await requireWrong(t, await doctor(t, env), /registration .*Graph cannot be reached: .*; check GRAPH_URL/)
})

t.test('nothing to try', async (t) => {
  const { ENTRA_CLIENT_SECRET: _, ...without } = own
  const { exitCode, out } = await doctor(t, without)
  t.equal(exitCode, 0, out)
  t.match(
    out,
    /^skipped {2}credential .*no credential of its own; set ENTRA_CLIENT_SECRET, ENTRA_CLIENT_CERTIFICATE or ENTRA_MANAGED_IDENTITY$/m
  )
  t.match(out, /^skipped {2}consent {8}it needs a token for Microsoft Graph, and there is none$/m)
  t.match(out, /^skipped {2}registration {3}it needs a token for Microsoft Graph, and there is none$/m)
  const entry = {
    ...{ tenantId: 'organizations', allowedTenants: [String(own.ENTRA_TENANT_ID)], clientId: client },
    ...{ authority: own.ENTRA_AUTHORITY, downstream: { clientSecret: own.ENTRA_CLIENT_SECRET } }
  }
  const ISSUERS_FILE = join(t.testdir({ 'issuers.json': JSON.stringify([entry]) }), 'issuers.json')
  const many = await doctor(t, { ISSUERS_FILE })
  t.match(many.out, /^skipped {2}credential .*organizations stands for many$/m)
})

/** For the process of the command: packages that are not installed there. */
const withoutPackages = `data:text/javascript,${encodeURIComponent(`
  import { register } from 'node:module'
  const hook = \`export async function resolve(specifier, context, next) {
    if (specifier !== '@azure/msal-node' && specifier !== 'ioredis') return next(specifier, context)
    throw Object.assign(new Error("Cannot find package '" + specifier + "'"), { code: 'ERR_MODULE_NOT_FOUND' })
  }\`
  register('data:text/javascript,' + encodeURIComponent(hook))
`)}`

t.test('without the optional packages, as a process', async (t) => {
  const args = [...process.execArgv, '--import', withoutPackages, 'src/plugin/command/main.ts', 'doctor']
  const env = { ...process.env, ...own, REDIS_URL: `redis://:${password}@127.0.0.1:9` }
  const { error, out } = await new Promise<{ error: unknown; out: string }>((resolve) =>
    execFile(process.execPath, args, { env }, (error, out) => resolve({ error, out }))
  )
  t.match(error, { code: 1 })
  t.match(out, /^WRONG {4}credential .*needs the package @azure\/msal-node; install it/m)
  t.match(out, /^skipped {2}registration {3}it needs a token/m)
  t.match(out, /^skipped {2}redis .*ioredis is not installed; install it/m)
  t.notOk(out.includes(password))
})

t.test('packages that are missing, and bugs', async (t) => {
  const clients = new Map([[{} as IssuerSettings, {} as OwnClient]])
  const absent = async () => {
    throw Object.assign(new Error("Cannot find package '@azure/msal-node'"), { code: 'ERR_MODULE_NOT_FOUND' })
  }
  t.match(await checkPackage(clients, absent), { outcome: 'WRONG', found: /@azure\/msal-node/, change: /^install it/ })
  const bug = new TypeError('a bug')
  t.throws(() => wrongBecause('redis', bug), bug)
})
