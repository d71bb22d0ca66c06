/** Where a provider's documents are, if not at its issuer: `metadataUrl`, `keysOrigin`, `insecureHttpHosts`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { isPrivateAddress } from '../../../src/plugin/lib/private-network.js'
import type { AddressOptions } from '../../../src/plugin/oidc/addresses.js'
import { type EntraOptions, toSettings } from '../../../src/plugin/options.js'
import { until } from '../../faults/waits.js'
import { startApi } from '../../support/api.js'

const issuer = 'https://id.example/realms/shop'
const audience = 'orders'
const document = '/realms/shop/.well-known/openid-configuration'
const settingsOf = (options: object) =>
  toSettings({ issuer, audience, provider: 'keycloak', ...options } as EntraOptions)

t.test('the addresses of documents and keys', async (t) => {
  const rows: [string, AddressOptions, object][] = [
    ['by the issuer', {}, { url: issuer + document.slice(12), keysOrigin: undefined }],
    ['another document', { metadataUrl: 'https://in.example/doc' }, { url: 'https://in.example/doc' }],
    ['on loopback', { metadataUrl: `http://127.0.0.1:8080${document}` }, { url: `http://127.0.0.1:8080${document}` }],
    [
      'plain http, where it is named',
      { metadataUrl: `http://keycloak:8080${document}`, insecureHttpHosts: ['keycloak:8080'] },
      { url: `http://keycloak:8080${document}`, keysOrigin: undefined }
    ],
    [
      'keys over plain http, and the document not',
      { keysOrigin: 'http://keycloak:8080', insecureHttpHosts: ['Keycloak:8080'] },
      { url: issuer + document.slice(12), keysOrigin: 'http://keycloak:8080' }
    ],
    [
      'the default port is written out',
      { metadataUrl: 'http://keycloak/doc', insecureHttpHosts: ['keycloak:80'] },
      { url: 'http://keycloak/doc' }
    ]
  ]
  for (const [what, options, expected] of rows) {
    const [source] = settingsOf(options).issuers
    t.match(source, { issuer, endpointsOrigin: 'https://id.example', ...expected }, what)
  }
  const google = { issuer: 'https://id.example', provider: 'google' }
  t.equal(settingsOf(google).issuers[0].keysOrigin, 'https://www.googleapis.com')
  t.equal(settingsOf({ ...google, metadataUrl: 'https://in.example/doc' }).issuers[0].keysOrigin, undefined)
})

t.test('what is not allowed throws one sentence that names the option', async (t) => {
  const at = { metadataUrl: 'http://keycloak:8080/doc' }
  const rows: [AddressOptions, RegExp][] = [
    [
      at,
      /^metadataUrl "http:\/\/keycloak:8080\/doc" is not allowed; give the URL of the discovery document without query or fragment, with https/
    ],
    [{ metadataUrl: 'keycloak:8080' }, /^metadataUrl "keycloak:8080" is not allowed/],
    [{ metadataUrl: 'https://in.example/doc#x' }, /^metadataUrl .* is not allowed/],
    [{ metadataUrl: 'https://ann:secret@in.example/doc' }, /^metadataUrl "https:\/\/…@in.example\/doc" is not allowed/],
    [
      { metadataUrl: 'https://in.example/doc?key=secret' },
      /^metadataUrl "https:\/\/in.example\/doc\?…" is not allowed/
    ],
    [{ metadataUrl: 7 as never }, /^metadataUrl 7 is not allowed/],
    [{ keysOrigin: 'http://keycloak:8080' }, /^keysOrigin "http:\/\/keycloak:8080" is not allowed/],
    [{ ...at, insecureHttpHosts: ['keycloak:8081'] }, /^metadataUrl .* is not allowed/],
    [{ ...at, insecureHttpHosts: ['eycloak:8080'] }, /^metadataUrl .* is not allowed/],
    [{ keysOrigin: 'http://keycloak:8080/', insecureHttpHosts: ['keycloak:8080'] }, /^keysOrigin .* is not allowed/],
    ...[
      ['keycloak'],
      ['http://keycloak:8080'],
      ['keycloak:8080/'],
      ['keycloak:8080/x'],
      ['ann@keycloak:8080'],
      ['*:8080'],
      ['*'],
      [''],
      [':8080'],
      ['keycloak:08080'],
      ['keycloak:99999'],
      ['key cloak:8080'],
      [7],
      'keycloak:8080',
      {},
      null
    ].map((hosts): [AddressOptions, RegExp] => [
      { ...at, insecureHttpHosts: hosts as never },
      /^insecureHttpHosts .* is not allowed; give hosts with their ports, such as \['keycloak:8080'\]|^metadataUrl/
    ]),
    [{ insecureHttpHosts: ['keycloak:8080'] }, /^insecureHttpHosts \["keycloak:8080"\] has no effect/],
    [
      { ...at, insecureHttpHosts: ['keycloak:8080', 'other:1'] },
      /^insecureHttpHosts \["other:1"\] has no effect; give hosts of metadataUrl or keysOrigin only$/
    ],
    [
      { ...at, insecureHttpHosts: ['keycloak:8080'], issuer: 'http://keycloak:8080' } as never,
      /^issuer .* is not allowed/
    ]
  ]
  for (const [options, message] of rows)
    t.throws(() => settingsOf({ ...options }), { name: 'EntraConfigurationError', message }, JSON.stringify(options))
})

t.test('never a host of Microsoft’s', async (t) => {
  for (const host of [
    'login.microsoftonline.com',
    'sts.windows.net',
    'login.windows.net',
    'contoso.ciamlogin.com',
    'a.b2clogin.com'
  ]) {
    const rows: AddressOptions[] = [
      { metadataUrl: `http://${host}/doc`, insecureHttpHosts: [`${host}:80`] },
      { keysOrigin: `http://${host}`, insecureHttpHosts: [`${host}:80`] },
      { metadataUrl: `https://${host}/doc` },
      { keysOrigin: `https://${host}` }
    ]
    for (const options of rows)
      t.throws(() => settingsOf({ ...options }), { message: /^(metadataUrl|keysOrigin) .* is Microsoft Entra's/ }, host)
  }
})

t.test('a warning at every start says what plain http gives up', async (t) => {
  const options = { metadataUrl: 'http://keycloak:8080/doc', insecureHttpHosts: ['keycloak:8080'] }
  t.match(settingsOf(options).warnings, [
    /^the keys of issuer "https:\/\/id\.example\/realms\/shop" come over plain http from keycloak:8080 .*can sign tokens/
  ])
  const one = { issuer, audience, provider: 'keycloak', ...options }
  const two = { issuer: 'https://other.example', audience }
  t.equal(toSettings({ tenants: [two, one] } as EntraOptions).warnings.length, 1)
  t.strictSame([...toSettings({ tenants: [two, one] } as EntraOptions).insecureHttpHosts], ['keycloak:8080'])
  t.strictSame(settingsOf({}).warnings, [])
})

/** A private address of this machine beside loopback, or loopback. */
const address =
  Object.values(networkInterfaces())
    .flatMap((each = []) => each)
    .find(({ internal, address }) => !internal && isPrivateAddress(address))?.address ?? '127.0.0.1'
const name = address.includes(':') ? `[${address}]` : address

/** Keycloak in a network of containers: it names its public issuer, and its keys by the name under which it was called. */
async function startProvider(t: Test, keysAt?: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'es-1', use: 'sig', alg: 'ES256' }
  const server = createServer(({ url = '', headers }, response) => {
    const documents: Record<string, unknown> = {
      [document]: {
        ...{ issuer, jwks_uri: `${keysAt ?? `http://${headers.host}`}/certs` },
        ...{ authorization_endpoint: `${issuer}/auth`, token_endpoint: `http://${headers.host}/token` }
      },
      '/certs': { keys: [jwk] }
    }
    response.end(JSON.stringify(documents[url] ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const token = (iss = issuer) =>
    new SignJWT({ iss, aud: audience, sub: 'ann', azp: 'spa', scope: 'orders.read', typ: 'Bearer' })
      .setProtectedHeader({ alg: 'ES256', kid: 'es-1' })
      .setExpirationTime('5m')
      .sign(privateKey)
  return { host: `${name}:${(server.address() as AddressInfo).port}`, token }
}

t.test('an API behind Keycloak’s internal name: the issuer is still compared exactly', async (t) => {
  const { host, token } = await startProvider(t)
  const options = {
    ...{ issuer, audience, provider: 'keycloak' },
    ...{ metadataUrl: `http://${host}${document}`, insecureHttpHosts: [host] }
  }
  // Nothing listens there: through a proxy nothing would be fetched.
  const before = { ...process.env }
  process.env.http_proxy = 'http://127.0.0.1:1'
  t.teardown(() => {
    process.env = before
  })
  const { app, outcome } = await startApi(t, { options })
  await until('the keys to be fetched', () => app.entra.ready)
  t.equal(await outcome('/me', await token()), '200')
  t.equal(await outcome('/me', await token(`http://${host}/realms/shop`)), '401 wrong_issuer')
  t.match(app.entra.issuers, [{ metadataUrl: issuer + document.slice(12) }], 'the internal name is not published')
  t.match(app.entra.openapi.securitySchemes.entraUser, { openIdConnectUrl: issuer + document.slice(12) })
  t.match(app.entra.metadata, { authorizationEndpoint: `${issuer}/auth`, tokenEndpoint: undefined })
})

t.test('keys elsewhere than configured: an error that names the origin found and the option', async (t) => {
  const { host, token } = await startProvider(t, 'https://id.example')
  const options = {
    ...{ issuer, audience, provider: 'keycloak' },
    ...{ metadataUrl: `http://${host}${document}`, insecureHttpHosts: [host] }
  }
  const { app, logged, outcome } = await startApi(t, { options })
  t.equal(app.entra.ready, false)
  t.match(
    logged(),
    `jwks_uri is not on http://${host}, but on https://id.example; if the provider's keys are there, set keysOrigin to it`
  )
  t.equal(await outcome('/me', await token()), '503 tenant_unavailable')
})
