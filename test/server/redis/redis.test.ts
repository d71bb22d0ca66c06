/** The server with a Redis that its instances share: as processes, with what an operator runs. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildApp } from '../../../src/server/app.js'
import { readConfig } from '../../../src/server/config/config.js'
import { runRevoke } from '../../../src/server/redis/revocation-command.js'
import { until } from '../../faults/waits.js'
import { get } from '../../support/http.js'
import { type Running, run } from '../../support/process.js'
import { skipWithout } from '../../support/programs.js'
import { needsRedis, startRedis, type TestRedis } from '../../support/redis.js'
import { callerId, clientId, startTestTenant, type TestTenant, tenantId } from '../../support/tenant.js'

const session = ['--tenant', tenantId, '--session', 's']
const password = 'correct-horse-battery-staple'
const settingsOf = ({ origin }: TestTenant) => ({
  ENTRA_TENANT_ID: tenantId,
  ENTRA_CLIENT_ID: clientId,
  ENTRA_AUTHORITY: origin,
  PORT: '0'
})

async function startTenant(t: Test): Promise<TestTenant> {
  const tenant = await startTestTenant(t)
  return tenant
}

async function startServer(t: Test, env: Record<string, string>) {
  const server = run(t, 'src/server/main.ts', env)
  const [, address = ''] = (await server.printed(/Server listening at (http:[^"]+)/)) ?? []
  const status = async (path: string, token?: string) => (await get(address + path, token)).status
  return { server, address, status }
}

/** What an operator runs, as a process. */
async function revoke(t: Test, env: Record<string, string>, ...args: string[]) {
  const { process, output } = run(t, 'src/server/revoke.ts', env, ...args)
  const [exitCode] = await once(process, 'close')
  return { exitCode, ...output }
}

const withPassword = ({ port }: TestRedis, user = '', secret = password) =>
  `redis://${user}:${secret}@127.0.0.1:${port}/1`
const lines = (text: string, pattern: RegExp) => text.split('\n').filter((line) => pattern.test(line)).length

async function endsWell(t: Test, { process, output }: Running) {
  process.kill('SIGTERM')
  const [code] = await once(process, 'close')
  t.equal(code, 0)
  t.notMatch(output.out + output.err, password, 'nowhere in what it printed')
}

t.test('instances share what is taken back, through an outage of Redis', needsRedis, async (t) => {
  const redis = await startRedis(t, '--requirepass', password)
  const tenant = await startTenant(t)
  const env = { ...settingsOf(tenant), REDIS_URL: withPassword(redis) }
  const [one, other] = await Promise.all([startServer(t, env), startServer(t, env)])
  for (const { status } of [one, other]) await until('readiness', async () => (await status('/readyz')) === 200)
  const [mine, somebodys] = [await tenant.userToken({ sid: 's' }), await tenant.userToken({ oid: clientId })]
  for (const { status } of [one, other])
    t.same([await status('/protected', mine), await status('/protected', somebodys)], [200, 200])

  t.match(await revoke(t, { REDIS_URL: env.REDIS_URL }, '--tenant', tenantId, '--user', callerId), {
    exitCode: 0,
    out: /^tokens that were issued until \d{4}-\d\d-\d\dT[\d:.]+Z are refused\n$/,
    err: ''
  })
  for (const { status } of [one, other])
    t.same([await status('/protected', mine), await status('/protected', somebodys)], [401, 200])

  await redis.kill()
  for (const { status } of [one, other]) {
    await until('the outage', async () => (await status('/readyz')) === 503)
    t.equal(await status('/protected', somebodys), 503)
    t.equal(await status('/unprotected', somebodys), 200, 'a token is not looked at there')
    t.equal(await status('/healthz'), 200)
  }
  t.match(JSON.parse((await get(`${one.address}/readyz`)).body), { status: 'waiting for Redis' })
  t.match(await runRevoke(session, env), { exitCode: 2, out: '', err: /ECONNREFUSED/ })
  await redis.start()
  for (const { status } of [one, other])
    await until('the return', async () => (await status('/protected', somebodys)) === 200)
  t.match(await runRevoke(session, env), { exitCode: 0 })
  t.same([await one.status('/readyz'), await one.status('/protected', mine)], [200, 401])
  const { out } = one.server.output
  t.equal(lines(out, /Redis is connected/), 2)
  const reasons = [...out.matchAll(/"reason":"([^"]+)","msg":"Redis cannot be used"/g)].map(([, reason]) => reason)
  t.equal(reasons[0], 'the connection was lost')
  t.same(reasons, [...new Set(reasons)], 'each reason is said once')
  for (const { server } of [one, other]) await endsWell(t, server)
})

t.test('Redis hangs: 503 in time, not ready, and the server ends when it is told to', needsRedis, async (t) => {
  const redis = await startRedis(t)
  const tenant = await startTenant(t)
  const { server, status } = await startServer(t, { ...settingsOf(tenant), REDIS_URL: redis.url })
  await until('readiness', async () => (await status('/readyz')) === 200)
  redis.halt()
  const started = performance.now()
  t.equal(await status('/protected', await tenant.userToken()), 503)
  t.ok(performance.now() - started < 45_000)
  t.equal(await status('/readyz'), 503)
  t.match(await runRevoke(session, { REDIS_URL: redis.url }), {
    exitCode: 2,
    err: /Command timed out; the revocation may not be stored; run it again/
  })
  await endsWell(t, server)
})

t.test('a wrong password: the server lives, and neither it nor the command shows it', needsRedis, async (t) => {
  const redis = await startRedis(t, '--requirepass', 'another')
  const tenant = await startTenant(t)
  const REDIS_URL = withPassword(redis)
  const { server, status } = await startServer(t, { ...settingsOf(tenant), REDIS_URL, LOG_LEVEL: 'trace' })
  t.equal(await status('/readyz'), 503)
  t.equal(await status('/protected', await tenant.userToken()), 503)
  await server.printed(/Redis cannot be used/)
  t.match(server.output.out, /"reason":"WRONGPASS/)
  const { exitCode, err } = await runRevoke(session, { REDIS_URL })
  t.equal(exitCode, 2)
  t.match(err, /WRONGPASS/)
  t.notMatch(err, password)
  await endsWell(t, server)
})

t.test('the command says one line where several commands fail, and nothing of what it sent', needsRedis, async (t) => {
  const settings = ['--requirepass', 'another', '--rename-command', 'HELLO', '']
  const redis = await startRedis(t, ...settings)
  const { exitCode, out, err } = await revoke(t, { REDIS_URL: withPassword(redis, 'api') }, ...session)
  t.same([exitCode, out], [2, ''])
  t.match(err, /^Redis cannot be used: [^\n]+; the revocation may not be stored; run it again\n$/)
})

t.test('a user of Redis with no more than docs/revocation.md lists', needsRedis, async (t) => {
  const [, rights = ''] = /user api on (.+)/.exec(await readFile('docs/revocation.md', 'utf8')) ?? []
  t.match(rights, / -@all .*\+eval/)
  const redis = await startRedis(t, '--user', 'api', 'on', ...rights.replace('>PASSWORD', `>${password}`).split(' '))
  const tenant = await startTenant(t)
  const env = { ...settingsOf(tenant), LOG_LEVEL: 'silent', REDIS_URL: withPassword(redis, 'api') }
  const limits = { RATE_LIMIT: '50', BAD_TOKEN_LIMIT: '1' }
  const app = await buildApp(readConfig({ ...env, ...limits }))
  t.teardown(() => app.close())
  const status = async (url: string, token = '') =>
    (await app.inject({ url, headers: { authorization: `Bearer ${token}` } })).statusCode
  await until('readiness', async () => (await status('/readyz')) === 200)
  const token = await tenant.userToken({ sid: 's' })
  t.equal(await status('/protected', token), 200)
  t.match(await runRevoke(session, env), { exitCode: 0 })
  t.equal(await status('/protected', token), 401)
  t.equal(await status('/protected', token), 429, 'limits are counted')
  const { headers } = await app.inject('/unprotected')
  t.match(headers.ratelimit, /^"requests";r=49;/)
})

t.test('another OpenID provider’s tokens are taken back as well', needsRedis, async (t) => {
  const redis = await startRedis(t)
  const { origin, userToken } = await startTenant(t)
  const env = { OIDC_ISSUER: `${origin}/${tenantId}/v2.0`, OIDC_AUDIENCE: clientId, LOG_LEVEL: 'silent' }
  const shared = { REDIS_URL: `redis://127.0.0.1:${redis.port}` }
  const app = await buildApp(readConfig({ ...env, ...shared }))
  t.teardown(() => app.close())
  const token = await userToken({ sid: 's', scp: 'access_as_user' })
  const status = async () =>
    (await app.inject({ url: '/protected', headers: { authorization: `Bearer ${token}` } })).statusCode
  await until('Redis is asked', async () => (await status()) === 200)
  t.match(await runRevoke(session, shared), { exitCode: 0 })
  t.equal(await status(), 200, 'a session of the Entra tenant')
  t.match(await runRevoke(['--tenant', env.OIDC_ISSUER, '--session', 's'], shared), { exitCode: 0 })
  t.equal(await status(), 401)
})

const needsBoth = { skip: needsRedis.skip || skipWithout('openssl') }
t.test('rediss: TLS, with a certificate that is verified', needsBoth, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1']
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
    ...subject
  ]
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const tls = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert, '--tls-auth-clients', 'no']
  const redis = await startRedis(t, '--port', '0', ...tls, '--tls-port')
  const REDIS_URL = `rediss://127.0.0.1:${redis.port}`
  t.match(await revoke(t, { REDIS_URL, NODE_EXTRA_CA_CERTS: cert }, ...session), { exitCode: 0, err: '' })
  t.match(await runRevoke(session, { REDIS_URL }), { exitCode: 2, err: /SELF_SIGNED_CERT/ })
})

t.test('the command says what it takes', async (t) => {
  const usage = /^npm run revoke takes -- --tenant ID --user ID [^\n]+\n$/
  const rows: [env: Record<string, string>, args: string[], err: RegExp][] = [
    [{}, [], usage],
    [{}, ['--user', 'u'], usage],
    [{}, ['--tenant', 't', '--user', 'u', '--session', 's'], usage],
    [{}, ['--tenant', 't', '--user', ''], usage],
    [{}, ['--tenant', tenantId, '--user', ''], usage],
    [{}, ['--tenant', tenantId, '--user', 'anna@contoso.example'], usage],
    [{}, ['--tenant', 'contoso.example', '--user', callerId], usage],
    [{}, ['--tenant', ` ${tenantId}`, '--user', callerId], usage],
    [{}, ['--tenant', tenantId, '--user', callerId], /^REDIS_URL is missing/],
    [{}, ['--tenant', 'https://issuer.example/', '--user', 'anna@contoso.example'], /^REDIS_URL is missing/],
    [{}, ['--session'], usage],
    [{}, ['--session', 's'], usage],
    [{}, ['--session', 's', '--user', callerId], usage],
    [{}, ['--tenant', tenantId, '--session', ''], usage],
    [{}, ['--tenant', '', '--session', 's'], usage],
    [{}, ['--tenant', 'contoso.example', '--session', 's'], usage],
    [{}, ['--tenant', tenantId, '--session', 's', '--user', callerId], usage],
    [{}, ['--tenant', 'https://issuer.example/', '--session', 's'], /^REDIS_URL is missing/],
    [{}, ['--everyone'], usage],
    [{}, session, /^REDIS_URL is missing; [^\n]+\n$/],
    [{ REDIS_URL: 'http://:secret@redis.example' }, session, /^REDIS_URL cannot be read; (?!.*secret)[^\n]+\n$/]
  ]
  for (const [env, args, err] of rows)
    t.match(await runRevoke(args, env), { exitCode: 2, out: '', err }, args.join(' '))
})

t.test('without their variables, nothing of ioredis and of @fastify/rate-limit is loaded', async (t) => {
  const loaded = async (env: Record<string, string>) => {
    const { process, output } = run(t, 'test/server/modules.ts', env)
    t.equal((await once(process, 'close'))[0], 0)
    return JSON.parse(output.out) as string[]
  }
  const tenant = await startTenant(t)
  const env = { ...settingsOf(tenant), LOG_LEVEL: 'silent' }
  const both = { REDIS_URL: 'redis://127.0.0.1:9', RATE_LIMIT: '300' }
  const [without, with_] = [await loaded(env), await loaded({ ...env, ...both })]
  t.ok(without.includes('fastify'), 'packages are seen')
  t.same(
    [without, with_].map((names) => names.includes('@fastify/rate-limit')),
    [false, true]
  )
  t.ok(with_.includes('ioredis') && with_.includes('redis-errors'), 'this one as well')
  const own = with_.filter((name) => !without.includes(name))
  t.same(own.filter((name) => /redis|denque|cluster-key-slot|standard-as-callback/.test(name)).length >= 4, true)
  t.same(
    without.filter((name) => /redis|denque|cluster-key-slot|standard-as-callback/.test(name)),
    []
  )
})
