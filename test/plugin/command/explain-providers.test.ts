/** `fastify-entra explain --online` on tokens as clients get them over HTTP: of the embedded tenant, of a bare oidc-provider, and of Authlib. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Provider } from 'oidc-provider'
import t, { type Test } from 'tap'
import type { Outcome } from '../../../src/plugin/command/outcome.js'
import { run } from '../../../src/plugin/command/run.js'
import { environmentFor } from '../../../src/server/environment.js'
import { createStorage } from '../../../src/tenant/authority/storage.js'
import { skip, startProvider } from '../../providers/authlib/provider.js'
import { inherited } from '../../support/process.js'
import { appToken, otherTenant, start, userTokens } from '../../tenant/helpers.js'

type Env = Readonly<Record<string, string>>

const explain = (token: string, env: Env) => run(['explain', '--online'], env, async () => token)

function isGood(t: Test, { exitCode, err, out }: Outcome, what: string): void {
  t.match({ exitCode, err, out }, { exitCode: 0, err: '', out: /^No check refuses this token/ }, what)
  const open = out.split('\n').filter((line) => /^(FAILS|undecided|THE SIGNATURE)/.test(line))
  t.same(open, [], `${what}: every check passes`)
  t.match(out, /^passes {5}signature$/m, what)
}

/** What the first line says to change, and the check that fails. */
interface Broken {
  readonly what: string
  readonly token: string
  /** Of the API. */
  readonly env: Env
  readonly answer: RegExp
  readonly check: string
}

async function isExplained(t: Test, { what, token, env, answer, check }: Broken): Promise<void> {
  const { exitCode, err, out } = await explain(token, env)
  t.match({ exitCode, err }, { exitCode: 1, err: '' }, what)
  t.match(out.split('\n')[0], answer, what)
  t.match(/^FAILS +(\S+)/m.exec(out)?.[1], check, `${what}: the first check that fails`)
}

t.test('the embedded tenant', async (t) => {
  const tenant = await start(t)
  const env = environmentFor(tenant)
  const user = await userTokens(tenant, 'user@contoso.example')
  for (const name of ['admin@contoso.example', 'guest@fabrikam.example', 'groups@contoso.example'])
    isGood(t, await explain((await userTokens(tenant, name)).access_token, env), name)
  isGood(t, await explain(await appToken(tenant, 'daemon'), env), 'a service')
  isGood(t, await explain(JSON.stringify(user), env), 'the response of the token endpoint')

  const foreign = (await userTokens(otherTenant(tenant), 'user@fabrikam.example')).access_token
  const broken: Broken[] = [
    {
      ...{ what: 'a token for Microsoft Graph', env, check: 'entra.aud' },
      token: await appToken(tenant, 'daemon', 'https://graph.microsoft.com/.default'),
      answer:
        /^A request with this token gets 401 wrong_audience\. Client: request a scope of this API, .* ENTRA_AUDIENCE /
    },
    {
      ...{ what: 'an ID token', env, token: String(user.id_token), check: 'entra.access_token' },
      answer:
        /^A request with this token gets 401 not_an_access_token\. Client: send access_token in place of id_token\.$/
    },
    {
      ...{ what: 'a token of another tenant', env, token: foreign, check: 'key' },
      answer:
        /^A request with this token gets 401 wrong_issuer\. Client: sign in at http:.*Operator: compare ENTRA_TENANT_ID, /
    },
    {
      ...{ what: 'a service without a permission', env, check: 'permissions' },
      token: await appToken(tenant, 'daemon-no-roles'),
      answer:
        /^A request with this token gets 403 no_permissions\. .*Administrator: in the client's registration, API permissions, add /
    },
    {
      ...{ what: 'a client that may not call', token: user.access_token, check: 'client' },
      env: { ...env, ENTRA_ALLOWED_CLIENTS: tenant.tenantId },
      answer:
        /^A request with this token gets 403 client_not_allowed\. Operator: add the client ID to ENTRA_ALLOWED_CLIENTS /
    }
  ]
  for (const each of broken) await isExplained(t, each)
  await tenant.rotate({ keep: false })
  await isExplained(t, {
    ...{ what: 'a token of a key that is gone', env, token: user.access_token, check: 'key' },
    answer: /^A request with this token gets 401 unknown_key\. Client: request a new token, /
  })
})

t.test('the embedded tenant with v1 tokens, and the command as a process', async (t) => {
  const tenant = await start(t, { accessTokenVersion: 1 })
  const { ENTRA_TENANT_ID = '', ENTRA_CLIENT_ID = '', ENTRA_AUTHORITY = '' } = environmentFor(tenant)
  const { access_token } = await userTokens(tenant, 'user@contoso.example')
  const asked = ['explain', '--online', '--tenant', ENTRA_TENANT_ID, '--client', ENTRA_CLIENT_ID]
  const child = spawn(process.execPath, [...process.execArgv, 'src/plugin/command/main.ts', ...asked], {
    env: { ...inherited, ENTRA_AUTHORITY }
  })
  child.stdin.end(`Authorization: Bearer ${access_token}\n`)
  const [out, err, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  isGood(t, { exitCode, out, err }, 'a user')
  t.match(out, /^token +an access token of Entra, version 1\.0$/m)
})

/** A provider with the library's defaults, and one API. */
async function startBareProvider(t: Test, audience: string) {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'job',
        client_secret: 'secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: []
      }
    ],
    scopes: ['orders.read'],
    ttl: { ClientCredentials: 600 },
    adapter: createStorage(),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'orders.read',
          audience: resource,
          accessTokenFormat: 'jwt'
        })
      }
    }
  })
  server.on('request', provider.callback())
  t.teardown(() => server.close())
  return {
    issuer,
    /** @param resource RFC 8707 */
    async token(resource = audience, scope = 'orders.read'): Promise<string> {
      const body = new URLSearchParams({ grant_type: 'client_credentials', resource, scope })
      const authorization = `Basic ${Buffer.from('job:secret').toString('base64')}`
      const response = await fetch(`${issuer}/token`, { method: 'POST', body, headers: { authorization } })
      return ((await response.json()) as { access_token: string }).access_token
    }
  }
}

t.test('a bare oidc-provider', async (t) => {
  const audience = 'https://orders.example'
  const { issuer, token } = await startBareProvider(t, audience)
  const env = { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience }
  isGood(t, await explain(await token(), env), 'a service')
  const request =
    /^A request with this token gets 401 wrong_audience\. Client: request a token for this API .* compare OIDC_AUDIENCE with /
  await isExplained(t, {
    ...{
      what: 'a token for another API',
      env,
      token: await token('https://invoices.example'),
      check: 'oidc.aud',
      answer: request
    }
  })
  await isExplained(t, {
    ...{ what: 'a slash too many in the setting', env: { ...env, OIDC_ISSUER: `${issuer}/` }, token: await token() },
    ...{
      check: 'key',
      answer:
        /^A request with this token gets 401 wrong_issuer\. .* compare OIDC_ISSUER with the issuer \(iss\) below\.$/
    }
  })
})

for (const form of ['rfc9068', 'rfc7523'] as const) {
  t.test(`Authlib, ${form}`, { skip }, async (t) => {
    const provider = await startProvider(t, form)
    const audience = 'https://orders.example'
    const resource = [audience]
    const env = { OIDC_ISSUER: provider.issuer, OIDC_AUDIENCE: audience }
    const { accessToken, idToken } = await provider.signIn({ resource, clientId: audience })
    isGood(t, await explain(accessToken, env), 'a user')
    isGood(t, await explain(await provider.serviceToken({ resource, scope: 'Directory.Read.All' }), env), 'a service')
    const broken: Broken[] = [
      {
        ...{ what: 'an ID token', env, token: idToken, check: 'oidc.access_token' },
        answer:
          /^A request with this token gets 401 not_an_access_token\. Client: send access_token in place of id_token\.$/
      },
      {
        ...{
          what: 'a service without a scope',
          env,
          token: await provider.serviceToken({ resource }),
          check: 'permissions'
        },
        answer: /^A request with this token gets 403 no_permissions\. .*Operator: compare OIDC_ROLES_CLAIM /
      },
      {
        ...{ what: 'a token for another API', env, check: 'oidc.aud' },
        token: (await provider.signIn({ resource: ['https://invoices.example'] })).accessToken,
        answer: /^A request with this token gets 401 wrong_audience\. .* OIDC_AUDIENCE /
      }
    ]
    for (const each of broken) await isExplained(t, each)
  })
}
