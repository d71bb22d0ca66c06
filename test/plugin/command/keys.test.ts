/** `fastify-entra keys`: what it prints, and that an API starts with it. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from '../../../src/plugin/command/run.js'
import { clientId, json, startTestTenant, type TestTenant, tenantId } from '../../support/tenant.js'
import { startVerifier } from '../../support/verifier.js'

const keys = (env: Readonly<Record<string, string>>, ...args: string[]) => run(['keys', ...args], env, async () => '')
const environmentOf = ({ origin }: TestTenant) => ({
  ENTRA_TENANT_ID: tenantId,
  ENTRA_CLIENT_ID: clientId,
  ENTRA_AUTHORITY: origin
})

async function folderOf(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return folder
}

t.test('a set for each issuer, with which an API starts while the tenant is down', async (t) => {
  const tenant = await startTestTenant(t)
  const { exitCode, out, err } = await keys(environmentOf(tenant))
  t.equal(exitCode, 0)
  t.equal(err, '')
  const { n, e } = tenant.key.jwk
  t.match(JSON.parse(out), [
    {
      issuer: `${tenant.origin}/${tenantId}/v2.0`,
      metadataUrl: tenant.origin + tenant.paths.discovery,
      fetchedAt: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
      keys: [{ kid: 'key-1', kty: 'RSA', use: 'sig', n, e }]
    },
    { issuer: `${tenant.origin}/${tenantId}/`, keys: [{ kid: 'key-1' }] }
  ])
  await tenant.close()
  const path = join(await folderOf(t), 'keys.json')
  await writeFile(path, out)
  await chmod(path, 0o644)
  const verifier = startVerifier(t, tenant, { preloadedKeys: path })
  t.match(await verifier.verify({ scheme: 'Bearer', token: await tenant.userToken() }), { kind: 'user' })
  t.match(await verifier.verify({ scheme: 'Bearer', token: await tenant.v1Token() }), { kind: 'user' })
})

t.test('an API with one issuer: one set, and no list', async (t) => {
  const tenant = await startTestTenant(t)
  const issuer = `${tenant.origin}/shop`
  tenant.answers.set(
    '/shop/.well-known/openid-configuration',
    json(() => ({ issuer, jwks_uri: `${tenant.origin}/shop/keys` }))
  )
  tenant.answers.set(
    '/shop/keys',
    json(() => ({ keys: [{ ...tenant.key.jwk, alg: 'RS256', x5c: ['certificate'] }] }))
  )
  const { exitCode, out } = await keys({ OIDC_ISSUER: issuer, OIDC_AUDIENCE: 'orders' })
  t.equal(exitCode, 0)
  t.match(JSON.parse(out), { issuer, keys: [{ kid: 'key-1', alg: 'RS256' }] })
  t.notMatch(out, 'x5c', 'what is used, and no more')
  tenant.answers.set(tenant.paths.v1Discovery, (_request, response) => response.writeHead(404).end())
  const withoutV1 = await keys(environmentOf(tenant))
  t.match(JSON.parse(withoutV1.out), { issuer: `${tenant.origin}/${tenantId}/v2.0` })
})

t.test('a tenant that cannot be reached: nothing is printed, and what to change', async (t) => {
  const tenant = await startTestTenant(t)
  tenant.answers.set(tenant.paths.v1Discovery, (_request, response) => response.writeHead(500).end())
  const half = await keys(environmentOf(tenant))
  t.match(half, { exitCode: 1, out: '', err: /^http\S+: answered 500; check the tenant ID[^\n]+\n$/ })
  await tenant.close()
  const none = await keys(environmentOf(tenant))
  t.match(none, { exitCode: 1, out: '', err: /^http\S+: connect ECONNREFUSED \S+; no process listens/ })
  t.equal(none.err.trimEnd().split('\n').length, 2, 'a line for each issuer')
})

t.test('how it is called', async (t) => {
  t.match(await keys({}), { exitCode: 2, out: '', err: /are missing; .* --tenant and --client\n$/ })
  t.match(await keys({ ENTRA_TENANT_ID: 'x y', ENTRA_CLIENT_ID: clientId }), {
    exitCode: 2,
    out: '',
    err: /^ENTRA_TENANT_ID "x y" is not allowed; give/
  })
  t.match(await keys({}, '--help'), { exitCode: 0, out: /^usage: fastify-entra keys > keys\.json/ })
  for (const args of [['--secret', 'x'], ['one.ts'], ['--json']])
    t.match(await keys({}, ...args), {
      exitCode: 2,
      out: '',
      err: 'keys takes --tenant and --client, and nothing else\n'
    })
  const tenant = await startTestTenant(t)
  const { exitCode } = await keys({ ENTRA_AUTHORITY: tenant.origin }, '--tenant', tenantId, '--client', clientId)
  t.equal(exitCode, 0)
})
