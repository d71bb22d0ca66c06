import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { inTermsOfVariables } from '../../../src/plugin/environment/read-options.js'
import { buildApp } from '../../../src/server/app.js'
import { readConfig } from '../../../src/server/config/config.js'

const tenant = '11111111-2222-4333-8444-555555555555'
const client = '66666666-7777-4888-8999-aaaaaaaaaaaa'
const sound = { ENTRA_TENANT_ID: tenant, ENTRA_CLIENT_ID: client }

t.test('defaults are those of the contract', async (t) => {
  t.same(readConfig(sound), {
    entra: { tenantId: tenant, clientId: client },
    host: '127.0.0.1',
    port: 3000,
    shutdownDelaySeconds: 0,
    logLevel: 'info',
    corsOrigins: [],
    trustProxy: false,
    docs: 'off',
    metrics: 'off',
    docsClientId: undefined,
    graph: { url: 'https://graph.microsoft.com', clientId: client, isConfigured: false },
    keysFile: undefined,
    redis: undefined,
    rateLimits: {}
  })
})

t.test('every variable reaches its option', async (t) => {
  const config = readConfig({
    ...sound,
    ENTRA_AUDIENCE: 'api://one, api://two',
    ENTRA_ALLOWED_CLIENTS: `${client},${tenant}`,
    ENTRA_ROLELESS_CLIENTS: tenant,
    ENTRA_AUTHORITY: 'https://login.example',
    ENTRA_CLIENT_SECRET: 's',
    KEYS_REFRESH_SECONDS: '100',
    KEYS_COOLDOWN_SECONDS: '10',
    KEYS_MAX_STALE_SECONDS: '1000',
    KEYS_TIMEOUT_SECONDS: '2.5',
    CLOCK_TOLERANCE_SECONDS: '0',
    CORS_ORIGINS: 'https://a.example,http://localhost:5173',
    METRICS: 'token',
    DOCS: 'protected',
    DOCS_CLIENT_ID: tenant,
    GRAPH_URL: 'https://graph.example',
    HOST: '0.0.0.0',
    PORT: '8080',
    SHUTDOWN_DELAY_SECONDS: '10',
    LOG_LEVEL: 'debug',
    REDIS_URL: 'redis://127.0.0.1:6380/2',
    TRUST_PROXY: '10.0.0.0/8, ::1',
    RATE_LIMIT: '300',
    RATE_LIMIT_BY: 'client',
    BAD_TOKEN_LIMIT: '30'
  })
  t.same(config, {
    entra: {
      tenantId: tenant,
      clientId: client,
      authority: 'https://login.example',
      audience: ['api://one', 'api://two'],
      allowedClients: [client, tenant],
      rolelessClients: [tenant],
      keysRefreshSeconds: 100,
      keysCooldownSeconds: 10,
      keysMaxStaleSeconds: 1000,
      keysTimeoutSeconds: 2.5,
      clockToleranceSeconds: 0,
      downstream: { clientSecret: 's' }
    },
    host: '0.0.0.0',
    port: 8080,
    shutdownDelaySeconds: 10,
    logLevel: 'debug',
    corsOrigins: ['https://a.example', 'http://localhost:5173'],
    trustProxy: ['10.0.0.0/8', '::1'],
    docs: 'protected',
    metrics: 'token',
    docsClientId: tenant,
    graph: { url: 'https://graph.example', clientId: client, isConfigured: true },
    redis: { host: '127.0.0.1', port: 6380, db: 2 },
    rateLimits: { requests: { max: 300, by: 'client' }, badTokens: 30 }
  })
  t.match(readConfig({ ...sound, ENTRA_CLOUD: 'china' }).entra, { cloud: 'china' })
  t.match(readConfig({ ...sound, ENTRA_CUSTOM_SIGNING_KEYS: 'on' }).entra, { customSigningKeys: true })
  t.match(readConfig({ ...sound, ENTRA_CUSTOM_SIGNING_KEYS: 'off' }).entra, { customSigningKeys: false })
  const secret = { ENTRA_TENANT_ID: 'Organizations', ENTRA_ALLOWED_TENANTS: '*', ENTRA_CLIENT_SECRET: 's' }
  t.throws(() => readConfig({ ...sound, ...secret }), { message: /^ENTRA_CLIENT_SECRET goes with a single tenant/ })
  const many = { ENTRA_TENANT_ID: 'organizations', ENTRA_ALLOWED_TENANTS: `${tenant}, ${client}` }
  t.match(readConfig({ ...sound, ...many }).entra, { tenantId: 'organizations', allowedTenants: [tenant, client] })
  t.equal(readConfig({ ...sound, TRUST_PROXY: 'on' }).trustProxy, true)
  t.equal(readConfig({ ...sound, TRUST_PROXY: 'off' }).trustProxy, false)
})

t.test('credentials: two secrets during a rotation, a file, and what the platform provides', async (t) => {
  const downstreamIn = (env: Record<string, string>) => {
    const { entra, graph } = readConfig({ ...sound, ...env })
    const { downstream } = entra as { downstream?: unknown }
    t.equal(graph.isConfigured, downstream !== undefined)
    return downstream
  }
  const rotation = { ENTRA_CLIENT_SECRET: 'old', ENTRA_CLIENT_SECRET_NEXT: 'new' }
  t.same(downstreamIn(rotation), { clientSecret: ['old', 'new'] })
  t.same(downstreamIn({ ENTRA_CLIENT_CERTIFICATE: 'own.pem' }), { clientCertificateFile: 'own.pem' })
  t.same(downstreamIn({ ENTRA_MANAGED_IDENTITY: 'system' }), { managedIdentity: {} })
  t.same(downstreamIn({ ENTRA_MANAGED_IDENTITY: tenant }), { managedIdentity: { clientId: tenant } })
  const file = { AZURE_FEDERATED_TOKEN_FILE: '/var/run/secrets/token' }
  const federated = { federatedTokenFile: '/var/run/secrets/token' }
  t.same(downstreamIn(file), federated)
  const own = { ...file, AZURE_CLIENT_ID: client.toUpperCase(), AZURE_TENANT_ID: tenant }
  t.same(downstreamIn(own), federated, 'as AKS sets them')
  t.same(downstreamIn({ ...own, ENTRA_TENANT_ID: 'contoso.example', AZURE_TENANT_ID: client }), federated, 'a domain')
  const notForThisApi = [
    { AZURE_CLIENT_ID: tenant },
    { AZURE_TENANT_ID: client },
    { ENTRA_TENANT_ID: 'organizations', ENTRA_ALLOWED_TENANTS: tenant },
    { ENTRA_USER_FLOW: 'B2C_1_x', ENTRA_AUTHORITY: 'https://contoso.b2clogin.com' },
    { ENTRA_CUSTOM_SIGNING_KEYS: 'on' },
    { ENTRA_TENANT_ID: '', ENTRA_CLIENT_ID: '', OIDC_ISSUER: 'https://id.example', OIDC_AUDIENCE: 'orders' }
  ]
  for (const env of notForThisApi) t.equal(downstreamIn({ ...own, ...env }), undefined, JSON.stringify(env))
  t.same(downstreamIn({ ...own, ...rotation }), { clientSecret: ['old', 'new'] }, 'what is set for this API wins')
  const two = { ENTRA_CLIENT_CERTIFICATE: 'own.pem', ENTRA_MANAGED_IDENTITY: 'system' }
  t.throws(() => readConfig({ ...sound, ...two }), {
    message: 'ENTRA_CLIENT_CERTIFICATE and ENTRA_MANAGED_IDENTITY are two credentials; unset one of them'
  })
})

t.test('what cannot be honoured stops the start with a sentence that names the variable', async (t) => {
  const rows: [variable: string, value: string][] = [
    ['ENTRA_TENANT_ID', ''],
    ['ENTRA_TENANT_ID', 'common'],
    ['ENTRA_TENANT_ID', 'not a tenant'],
    ['ENTRA_CLIENT_ID', ''],
    ['ENTRA_CLIENT_ID', 'not-a-guid'],
    ['ENTRA_CLOUD', 'moon'],
    ['ENTRA_AUTHORITY', 'http://login.example'],
    ['ENTRA_AUTHORITY', 'https://login.example/tenant'],
    ['ENTRA_AUDIENCE', ','],
    ['ENTRA_ALLOWED_CLIENTS', ','],
    ['ENTRA_ALLOWED_CLIENTS', ''],
    ['ENTRA_ALLOWED_CLIENTS', 'the daemon'],
    ['ENTRA_CLIENT_CERTIFICATE', '/run/secrets/cert.pem'],
    ['ENTRA_CLIENT_SECRET_NEXT', 's'],
    ['ENTRA_MANAGED_IDENTITY', 'mine'],
    ['AZURE_FEDERATED_TOKEN_FILE', '/run/secrets/none/token'],
    ['REDIS_URL', 'http://127.0.0.1'],
    ['ENTRA_ALOWED_CLIENTS', 'a'],
    ['CLOCK_TOLERANCE_SECONDS', ' '],
    ['GRAPH_URL', 'http://graph.example'],
    ['ENTRA_ROLELESS_CLIENTS', ','],
    ['ENTRA_ALLOWED_TENANTS', '*'],
    ['ENTRA_ALLOWED_TENANTS', ''],
    ['ENTRA_USER_FLOW', 'B2C_1_signin'],
    ['ENTRA_CUSTOM_SIGNING_KEYS', 'yes'],
    ['OIDC_ISSUER', 'https://accounts.example'],
    ['OIDC_AUDIENCE', 'api'],
    ['OIDC_PROVIDER', 'okta'],
    ['OIDC_ROLES_CLAIM', 'permissions'],
    ['OIDC_GROUPS_CLAIM', 'groups'],
    ['OIDC_METADATA_URL', 'https://id.example/doc'],
    ['OIDC_KEYS_ORIGIN', 'https://id.example'],
    ['OIDC_INSECURE_HTTP_HOSTS', 'keycloak:8080'],
    ['OIDC_RFC9068', 'on'],
    ['OIDC_ALGORITHMS', 'ES256'],
    ['ISSUERS_FILE', 'issuers.json'],
    ['RESOURCE_UR', 'https://api.example.com'],
    ['RESOURCE_URL', 'http://api.example.com'],
    ['RESOURCE_URL', 'https://api.example.com/'],
    ['MAX_HEADER_BYTES', '16383'],
    ['MAX_HEADER_BYTES', '1048577'],
    ['MAX_HEADER_BYTES', '16k'],
    ['KEYS_REFRESH_SECONDS', '0'],
    ['KEYS_COOLDOWN_SECONDS', 'ten'],
    ['KEYS_MAX_STALE_SECONDS', '-1'],
    ['KEYS_TIMEOUT_SECONDS', '1e9'],
    ['CLOCK_TOLERANCE_SECONDS', '-1'],
    ['PORT', '65536'],
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['PORT', '0x50'],
    ['PORT', '80.5'],
    ['HOST', 'https://api.example'],
    ['HOST', 'api.example/x'],
    ['HOST', 'user@api.example'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_LEVEL', 'INFO'],
    ['METRICS', 'on'],
    ['DOCS', 'open'],
    ['DOCS', 'on'],
    ['DOCS_CLIENT_ID', 'the spa'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', ','],
    ['CORS_ORIGINS', 'null'],
    ['CORS_ORIGINS', 'a.example'],
    ['CORS_ORIGINS', 'https://a.example/'],
    ['GRAPH_URL', 'graph'],
    ['GRAPH_URL', 'https://graph.microsoft.com/v1.0'],
    ['TRUST_PROXY', '1'],
    ['TRUST_PROXY', ','],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '::1/129'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', 'everyone'],
    ['RATE_LIMIT', '0'],
    ['RATE_LIMIT', '300/60s'],
    ['RATE_LIMIT', '1000001'],
    ['RATE_LIMIT_BY', 'client'],
    ['BAD_TOKEN_LIMIT', '-1'],
    ['BAD_TOKEN_LIMIT', '0'],
    ['SHUTDOWN_DELAY_SECONDS', '301'],
    ['SHUTDOWN_DELAY_SECONDS', '10s'],
    ['KEYS_FILE', 'src'],
    ['KEYS_FILE', 'package.json']
  ]
  const start = async (env: Record<string, string>) => {
    try {
      await buildApp(readConfig({ LOG_LEVEL: 'silent', ...sound, ...env }))
      return 'started'
    } catch (error) {
      return inTermsOfVariables((error as Error).message, env)
    }
  }
  for (const [variable, value] of rows) {
    const sentence = await start({ [variable]: value })
    t.ok(sentence.startsWith(`${variable} `), `${variable}=${value}: ${sentence}`)
    t.notMatch(sentence, '\n', 'one line')
    t.match(sentence, /; \S/, 'what to change comes second')
    // What is misspelt or has no effect may hold a secret; of a list of nothing there is nothing to show.
    if (/ is (not allowed|unknown)/.test(sentence) && value !== ',') t.match(sentence, value, 'the value is named')
  }
  t.equal(
    await start({ ENTRA_CLOUD: 'china', ENTRA_AUTHORITY: 'https://login.example' }),
    'ENTRA_AUTHORITY "https://login.example" and ENTRA_CLOUD "china" contradict each other; leave one of them out'
  )
  t.match(
    await start({ ENTRA_ALLOWED_TENANTS: sound.ENTRA_TENANT_ID }),
    /^ENTRA_ALLOWED_TENANTS .+ requires ENTRA_TENANT_ID .+; leave ENTRA_ALLOWED_TENANTS out, or change ENTRA_TENANT_ID$/
  )

  t.equal(
    await start({ RATE_LIMIT: '300', RATE_LIMIT_BY: 'user' }),
    'RATE_LIMIT_BY "user" is not allowed; give one of principal, tenant, client'
  )
  t.equal(
    await start({ BAD_TOKEN_LIMIT: '30', TRUST_PROXY: 'on' }),
    'BAD_TOKEN_LIMIT counts addresses, which clients choose with TRUST_PROXY "on"; give TRUST_PROXY the addresses of the proxies'
  )
  t.match(readConfig({ ...sound, RATE_LIMIT: '1' }).rateLimits, { requests: { max: 1, by: 'principal' } })

  t.test('every variable has a row', async (t) => {
    const [, known = ''] = / it has (.+)$/.exec(await start({ ENTRA_NONSENSE: 'x' })) ?? []
    const source = await readFile('src/server/config/config.ts', 'utf8')
    const read = [...source.matchAll(/\benv\.([A-Z_]+)/g)].map(([, name = '']) => name)
    // Any text can be a secret.
    const covered = new Set(['ENTRA_CLIENT_SECRET', ...rows.map(([variable]) => variable)])
    t.ok(read.includes('PORT') && known.includes('ENTRA_CLOUD'))
    t.same(
      [...known.split(', '), ...read].filter((name) => !covered.has(name)),
      []
    )
  })
})

const oidc = { OIDC_ISSUER: 'https://id.example/realms/shop', OIDC_AUDIENCE: 'orders' }

/** Why the server does not start, in terms of its variables. */
async function refusedBy(env: Record<string, string>): Promise<string> {
  try {
    await buildApp(readConfig({ LOG_LEVEL: 'silent', ...env }))
    return 'started'
  } catch (error) {
    return inTermsOfVariables((error as Error).message, env)
  }
}

t.test('another OpenID provider than Entra', async (t) => {
  t.same(readConfig(oidc).entra, { issuer: 'https://id.example/realms/shop', audience: ['orders'] })
  t.equal(await refusedBy(oidc), 'started')
  const { entra } = readConfig({
    ...oidc,
    OIDC_AUDIENCE: 'orders, orders-v2',
    ENTRA_ALLOWED_CLIENTS: 'spa,cli',
    ENTRA_ROLELESS_CLIENTS: 'probe',
    KEYS_REFRESH_SECONDS: '100',
    CLOCK_TOLERANCE_SECONDS: '0'
  })
  t.same(entra, {
    issuer: 'https://id.example/realms/shop',
    audience: ['orders', 'orders-v2'],
    allowedClients: ['spa', 'cli'],
    rolelessClients: ['probe'],
    keysRefreshSeconds: 100,
    clockToleranceSeconds: 0
  })
})

t.test('what cannot be honoured of another provider is named by its own variable, and not by Entra’s', async (t) => {
  const { OIDC_ISSUER, OIDC_AUDIENCE } = oidc
  const rows: { rule: string; env: Record<string, string>; names: string[] }[] = [
    { rule: 'one without the other', env: { OIDC_ISSUER }, names: ['OIDC_AUDIENCE'] },
    { rule: 'the other without the one', env: { OIDC_AUDIENCE }, names: ['OIDC_ISSUER'] },
    { rule: 'an empty one counts as unset', env: { ...oidc, OIDC_AUDIENCE: '' }, names: ['OIDC_AUDIENCE'] },
    { rule: 'no URL', env: { ...oidc, OIDC_ISSUER: 'id.example' }, names: ['OIDC_ISSUER "id.example"'] },
    { rule: 'http', env: { ...oidc, OIDC_ISSUER: 'http://id.example' }, names: ['OIDC_ISSUER "http://id.example"'] },
    { rule: 'a list of nothing', env: { ...oidc, OIDC_AUDIENCE: ',' }, names: ['OIDC_AUDIENCE []'] },
    { rule: 'a space', env: { ...oidc, OIDC_AUDIENCE: 'a b' }, names: ['OIDC_AUDIENCE ["a b"]'] },
    { rule: 'a list of nobody', env: { ...oidc, ENTRA_ALLOWED_CLIENTS: ',' }, names: ['ENTRA_ALLOWED_CLIENTS []'] },
    { rule: 'an empty list', env: { ...oidc, ENTRA_ALLOWED_CLIENTS: '' }, names: ['ENTRA_ALLOWED_CLIENTS'] },
    {
      rule: 'a document on http',
      env: { ...oidc, OIDC_METADATA_URL: 'http://a.example/doc' },
      names: ['OIDC_METADATA_URL "http://a.example/doc"']
    },
    {
      rule: 'a path of keys',
      env: { ...oidc, OIDC_KEYS_ORIGIN: 'https://a.example/keys' },
      names: ['OIDC_KEYS_ORIGIN "https://a.example/keys"']
    },
    {
      rule: 'a host without its port',
      env: { ...oidc, OIDC_INSECURE_HTTP_HOSTS: 'keycloak' },
      names: ['OIDC_INSECURE_HTTP_HOSTS ["keycloak"]']
    },
    { rule: 'no switch', env: { ...oidc, OIDC_RFC9068: 'yes' }, names: ['OIDC_RFC9068 "yes"'] },
    {
      rule: 'an unknown algorithm',
      env: { ...oidc, OIDC_ALGORITHMS: 'ES256, HS256' },
      names: ['OIDC_ALGORITHMS ["ES256","HS256"]']
    },
    { rule: 'seconds', env: { ...oidc, KEYS_COOLDOWN_SECONDS: '0' }, names: ['KEYS_COOLDOWN_SECONDS 0'] }
  ]
  for (const { rule, env, names } of rows) {
    const sentence = await refusedBy(env)
    t.ok(sentence.startsWith(`${names[0]} `), `${rule}: ${sentence}`)
    t.match(sentence, /; \S/, `${rule}: what to change comes second`)
    t.notMatch(sentence, /ENTRA_(AUDIENCE|TENANT|CLIENT_ID)|\n/, rule)
  }
})

t.test('each variable of another provider reaches its option', async (t) => {
  const { entra } = readConfig({
    ...oidc,
    OIDC_METADATA_URL: 'http://keycloak:8080/doc',
    OIDC_KEYS_ORIGIN: 'http://keycloak:8080',
    OIDC_INSECURE_HTTP_HOSTS: 'keycloak:8080, keycloak:8443',
    OIDC_RFC9068: 'on',
    OIDC_ALGORITHMS: 'ES256, RS256'
  })
  t.match(entra, {
    metadataUrl: 'http://keycloak:8080/doc',
    keysOrigin: 'http://keycloak:8080',
    insecureHttpHosts: ['keycloak:8080', 'keycloak:8443'],
    rfc9068: true,
    algorithms: ['ES256', 'RS256']
  })
  t.match(readConfig({ ...oidc, OIDC_RFC9068: 'off' }).entra, { rfc9068: false })
  t.equal(readConfig({ ...oidc, MAX_HEADER_BYTES: '32768' }).maxHeaderBytes, 32_768)
})

t.test('ISSUERS_FILE: several tenants and providers', async (t) => {
  const tenants = [
    { tenantId: tenant, clientId: client },
    { issuer: 'https://id.example', audience: 'orders' }
  ]
  const written = async (text: string) => {
    const file = `${t.testdir({ 'issuers.json': '' })}/issuers.json`
    await writeFile(file, text)
    return file
  }
  const file = await written(`\uFEFF${JSON.stringify(tenants)}`)
  t.same(readConfig({ ISSUERS_FILE: file, KEYS_COOLDOWN_SECONDS: '10' }).entra, { keysCooldownSeconds: 10, tenants })
  const resource = { publicUrl: 'https://api.example.com' }
  t.same(readConfig({ ISSUERS_FILE: file, RESOURCE_URL: resource.publicUrl }).entra, { tenants, resource })
  const app = await buildApp(readConfig({ ISSUERS_FILE: file, LOG_LEVEL: 'silent', KEYS_TIMEOUT_SECONDS: '0.1' }))
  t.match(
    app.entra.accessMatrix().find(({ url }) => url === '/me'),
    { url: '/me' }
  )
  await app.close()
  for (const [text, what] of [
    ['{"clientSecret":"s3cr3t"', 'does not contain JSON'],
    ['{"clientSecret":"s3cr3t"}', 'has no list with an entry'],
    ['[]', 'has no list with an entry'],
    ['[{"issuer":"https://id.example","audience":"a"},"s3cr3t"]', 'has an entry \\(number 2\\) that is not an object'],
    ['[["s3cr3t"]]', 'has an entry \\(number 1\\) that is not an object'],
    ['[null]', 'has an entry \\(number 1\\) that is not an object'],
    ['', 'does not contain JSON']
  ] as const) {
    const sentence = await refusedBy({ ISSUERS_FILE: await written(text) })
    t.match(sentence, new RegExp(`^ISSUERS_FILE ${what}; give the path of a JSON file`))
    t.notMatch(sentence, 's3cr3t')
  }
  t.match(
    await refusedBy({ ISSUERS_FILE: '/no/such/s3cr3t' }),
    /^ISSUERS_FILE cannot be read \(ENOENT\); give the path/
  )
  t.match(await refusedBy({ ISSUERS_FILE: await written('[{"tenantId":"x"}]') }), /; give /, 'what is in it is checked')
  const misspelt = await refusedBy({
    ISSUERS_FILE: await written('[{"issuer":"https://id.example","audience":"a","roleClaim":"x"}]')
  })
  t.match(
    misspelt,
    /^ISSUERS_FILE .+issuers\.json: there is no option "roleClaim".*; the options are issuer, audience,/
  )
  t.notMatch(misspelt, /ENTRA_|OIDC_/, 'its options have no variables')
  await written(JSON.stringify(tenants))
  t.match(
    await refusedBy({ ISSUERS_FILE: file, KEYS_COOLDOWN_SECONDS: '0' }),
    /^KEYS_COOLDOWN_SECONDS 0 is not allowed/
  )
  const beside = { ...sound, ...oidc, ENTRA_ALLOWED_CLIENTS: 'spa', ENTRA_CLIENT_SECRET: 's', OIDC_RFC9068: 'on' }
  for (const [name, value] of Object.entries(beside))
    t.match(
      await refusedBy({ ISSUERS_FILE: file, [name]: value }),
      `ISSUERS_FILE takes the place of ${name}, which`,
      name
    )
})

t.test('two providers at once: nobody could say which one is meant', async (t) => {
  const entra = {
    ...sound,
    ENTRA_CLOUD: 'china',
    ENTRA_AUTHORITY: 'https://login.example',
    ENTRA_AUDIENCE: 'api://orders',
    // It would be sent to the other provider.
    ENTRA_CLIENT_SECRET: 's3cr3t'
  }
  for (const [variable, value] of Object.entries(entra)) {
    for (const [other, also] of Object.entries(oidc)) {
      const sentence = await refusedBy({ [other]: also, [variable]: value })
      t.ok(sentence.includes(variable) && sentence.includes(other), sentence)
      t.match(sentence, /; unset /)
    }
    t.equal(await refusedBy({ ...oidc, [variable]: '' }), 'started', 'an empty one counts as unset')
  }
})

t.test('a variable that is misspelt has no effect, and is refused', async (t) => {
  const rows: [name: string, nearest: string | undefined][] = [
    ['OIDC_ISSUERS', 'OIDC_ISSUER'],
    ['OIDC_AUDIENCES', 'OIDC_AUDIENCE'],
    ['OIDC_CLIENT_ID', undefined],
    ['OIDC_', undefined],
    ['oidc_issuer', 'OIDC_ISSUER'],
    ['Oidc_Audiense', 'OIDC_AUDIENCE'],
    ['entra_allowed_clients', 'ENTRA_ALLOWED_CLIENTS'],
    ['ENTRA_ALOWED_CLIENTS', 'ENTRA_ALLOWED_CLIENTS'],
    ['ENTRA_ALLOWED_CLIENT', 'ENTRA_ALLOWED_CLIENTS'],
    ['ENTRA_ALLOWED_CLIENT_IDS', 'ENTRA_ALLOWED_CLIENTS'],
    ['ENTRA_ALLWOED_TENANTS', 'ENTRA_ALLOWED_TENANTS'],
    ['ENTRA_TENANTID', 'ENTRA_TENANT_ID'],
    ['ENTRA_Cloud', 'ENTRA_CLOUD'],
    ['KEYS_TIMEOUT_SECOND', 'KEYS_TIMEOUT_SECONDS'],
    ['keys_refresh_seconds', 'KEYS_REFRESH_SECONDS'],
    ['KEYS_SOMETHING_ELSE', undefined],
    ['ETNRA_TENANT_ID', 'ENTRA_TENANT_ID'],
    ['ENTRATENANT_ID', 'ENTRA_TENANT_ID'],
    ['KEY_REFRESH_SECONDS', 'KEYS_REFRESH_SECONDS'],
    ['CLOCK_TOLERENCE_SECONDS', 'CLOCK_TOLERANCE_SECONDS'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['cors_origins', 'CORS_ORIGINS'],
    ['TRUST_PROXI', 'TRUST_PROXY'],
    ['trust_proxy', 'TRUST_PROXY'],
    ['GRAPH_URI', 'GRAPH_URL'],
    ['REDISURL', 'REDIS_URL'],
    ['DOC', 'DOCS'],
    ['docs', 'DOCS'],
    ['DOCS_CLIENTID', 'DOCS_CLIENT_ID']
  ]
  for (const [name, nearest] of rows) {
    for (const value of ['s3cr3t', '']) {
      const sentence = await refusedBy({ ...oidc, [name]: value })
      t.match(sentence, `${name} is not a variable of this server; it has ${nearest ?? ''}`)
      if (nearest) t.match(sentence, /, which is the nearest name, so use that, or unset /)
      else t.match(sentence, 'ENTRA_TENANT_ID', 'nothing is near: all of them')
      t.notMatch(sentence, 's3cr3t', 'its value may be a secret')
    }
  }
})

t.test('variables of other programs are theirs', async (t) => {
  const others = {
    ...{
      HOSTNAME: 'a',
      PORTS: 'a',
      HOSTS: 'a',
      POST: 'a',
      host: 'a',
      port: 'a',
      LOGLEVEL: 'a',
      log_level: 'a',
      DOCKER: 'a'
    },
    ...{
      http_proxy: 'a',
      NO_PROXY: 'a',
      NODE_ENV: 'production',
      GRAPH: 'a',
      REDIS_HOST: 'a',
      CORS: 'a',
      KEYS: 'a',
      OIDC: 'a'
    },
    // Kubernetes, for services of these names.
    ...{
      KEYS_SERVICE_HOST: '10.0.0.1',
      KEYS_SERVICE_PORT: '80',
      KEYS_SERVICE_PORT_HTTP: '80',
      KEYS_PORT: 'tcp://10.0.0.1:80'
    },
    ...{ ENTRA_PORT_80_TCP: 'tcp://10.0.0.1:80', ENTRA_PORT_80_TCP_ADDR: '10.0.0.1', OIDC_PORT_443_TCP_PROTO: 'tcp' }
  }
  t.equal(await refusedBy({ ...oidc, ...others }), 'started')
  const beside = { REDIS_URL: 'redis://127.0.0.1:9', REDIS_URI: 'redis://127.0.0.1:9' }
  t.ok(readConfig({ ...oidc, ...beside }), 'a near name beside the right one is somebody else’s')
})

t.test('one user flow, or several', async (t) => {
  const flowIn = (ENTRA_USER_FLOW: string) => {
    const { entra } = readConfig({ ...sound, ENTRA_AUTHORITY: 'https://contoso.b2clogin.com', ENTRA_USER_FLOW })
    return (entra as { userFlow?: unknown }).userFlow
  }
  t.equal(flowIn('B2C_1_signin'), 'B2C_1_signin')
  t.strictSame(flowIn('B2C_1_signin, B2C_1A_edit'), ['B2C_1_signin', 'B2C_1A_edit'])
})

t.test('no password in a URL is shown', async (t) => {
  const password = 'https://user:s3cr3t@host.example'
  const entra = ['ENTRA_TENANT_ID', 'ENTRA_CLIENT_ID', 'ENTRA_AUTHORITY', 'ENTRA_CLOUD', 'ENTRA_ALLOWED_CLIENTS']
  const more = ['ENTRA_ALLOWED_TENANTS', 'ENTRA_ROLELESS_CLIENTS', 'ENTRA_USER_FLOW', 'ENTRA_CUSTOM_SIGNING_KEYS']
  const server = ['GRAPH_URL', 'CORS_ORIGINS', 'PORT', 'LOG_LEVEL', 'DOCS', 'TRUST_PROXY', 'KEYS_TIMEOUT_SECONDS']
  for (const name of [...entra, ...more, ...server, 'CLOCK_TOLERANCE_SECONDS', 'ENTRA_CLIENT_CERTIFICATE']) {
    const sentence = await refusedBy({ ...sound, [name]: password })
    t.match(sentence, new RegExp(`^${name} .+; `))
    t.notMatch(sentence, 's3cr3t')
  }
  for (const name of [
    'OIDC_ISSUER',
    'OIDC_PROVIDER',
    'OIDC_METADATA_URL',
    'OIDC_KEYS_ORIGIN',
    'OIDC_INSECURE_HTTP_HOSTS'
  ]) {
    const sentence = await refusedBy({ ...oidc, [name]: password })
    t.match(sentence, new RegExp(`^${name} .+; `))
    t.notMatch(sentence, 's3cr3t')
  }
  t.notMatch(await refusedBy({ ...sound, REDIS_URL: 'https://user:s3cr3t@host.example' }), 's3cr3t')
  t.notMatch(await refusedBy({ ...sound, ENTRA_AUTHORITY: password, ENTRA_CLOUD: 'china' }), 's3cr3t')
})
