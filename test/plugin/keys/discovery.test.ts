import t from 'tap'
import { fetchMetadata, MetadataMismatchError } from '../../../src/plugin/keys/discovery.js'

const origin = 'https://login.example'
const issuer = `${origin}/tenant/v2.0`
const url = `${issuer}/.well-known/openid-configuration`
const jwksUri = `${origin}/tenant/discovery/v2.0/keys`
const document = { issuer, jwks_uri: jwksUri }

/** What becomes of a document that the tenant answers with. */
function fetched(answer: unknown, expected: string | RegExp = issuer) {
  return fetchMetadata(() => Promise.resolve(answer), { url, issuer: expected })
}

t.test('one GET, of the configured URL', async (t) => {
  const urls: string[] = []
  await fetchMetadata(
    async (url) => {
      urls.push(url)
      return document
    },
    { url, issuer }
  )
  t.same(urls, [url])
})

t.test('what is used of it', async (t) => {
  const none = { authorizationEndpoint: undefined, tokenEndpoint: undefined, cloudInstance: undefined }
  const endpoints = {
    authorization_endpoint: `${origin}/tenant/oauth2/v2.0/authorize`,
    token_endpoint: `${origin}/tenant/oauth2/v2.0/token`
  }
  const cases: { name: string; answer: object; expected: object }[] = [
    { name: 'issuer and keys', answer: document, expected: { issuer, jwksUri, ...none } },
    {
      name: 'the endpoints, where it has them',
      answer: { ...document, ...endpoints },
      expected: {
        issuer,
        jwksUri,
        authorizationEndpoint: endpoints.authorization_endpoint,
        tokenEndpoint: endpoints.token_endpoint,
        cloudInstance: undefined
      }
    },
    {
      name: 'no endpoint that is no string',
      answer: { ...document, authorization_endpoint: null, token_endpoint: ['x'] },
      expected: { issuer, jwksUri, ...none }
    },
    {
      name: 'no endpoint elsewhere: secrets are sent there',
      answer: {
        ...document,
        authorization_endpoint: 'https://evil.example/a',
        token_endpoint: 'http://evil.example/t'
      },
      expected: { issuer, jwksUri, ...none }
    },
    {
      name: 'nothing else',
      answer: { ...document, userinfo_endpoint: 'https://x' },
      expected: { issuer, jwksUri, ...none }
    }
  ]
  for (const { name, answer, expected } of cases) t.strictSame(await fetched(answer), expected, name)
})

t.test('issuer: exactly the expected one (OpenID Connect Discovery §4.3)', async (t) => {
  const mismatches: { name: string; named: unknown }[] = [
    { name: 'another tenant', named: `${origin}/other/v2.0` },
    { name: 'another host', named: 'https://evil.example/tenant/v2.0' },
    { name: 'a slash more', named: `${issuer}/` },
    { name: 'another case', named: issuer.toUpperCase() },
    { name: 'the v1 one', named: 'https://sts.windows.net/tenant/' },
    { name: 'a prefix', named: issuer.slice(0, -1) },
    { name: 'an extension', named: `${issuer}.evil.example` },
    { name: 'http', named: issuer.replace('https', 'http') },
    { name: 'empty', named: '' },
    { name: 'null', named: null },
    { name: 'a number', named: 2 },
    { name: 'a list that has it', named: [issuer] },
    { name: 'missing', named: undefined }
  ]
  for (const { name, named } of mismatches) {
    t.test(name, (t) => t.rejects(fetched({ ...document, issuer: named }), MetadataMismatchError))
  }
  await t.rejects(
    fetched({ ...document, issuer: 'https://evil.example' }),
    { message: /"https:\/\/evil\.example".*https:\/\/login\.example\/tenant\/v2\.0/ },
    'both are named, for the operator'
  )
})

t.test('issuer: a pattern where only the document can say', async (t) => {
  const pattern = /^https:\/\/login\.example\/[0-9a-f]+\/v2\.0$/
  const named = `${origin}/abc123/v2.0`
  t.equal((await fetched({ ...document, issuer: named }, pattern)).issuer, named)
  t.equal((await fetched({ ...document, issuer: named }, pattern)).issuer, named, 'and each time again')
  for (const wrong of [`${origin}/xyz/v2.0`, `${named}/`, `x${named}`, `${named}\n`, undefined, [named]]) {
    await t.rejects(fetched({ ...document, issuer: wrong }, pattern), MetadataMismatchError, String(wrong))
  }
})

t.test('jwks_uri: on the configured origin, and nowhere else', async (t) => {
  const refused: { name: string; jwksUri: unknown }[] = [
    { name: 'another host', jwksUri: 'https://evil.example/keys' },
    { name: 'a subdomain', jwksUri: 'https://keys.login.example/keys' },
    { name: 'another port', jwksUri: 'https://login.example:8443/keys' },
    { name: 'http', jwksUri: 'http://login.example/keys' },
    { name: 'the host as user information of another', jwksUri: 'https://login.example@evil.example/keys' },
    { name: 'relative', jwksUri: '/tenant/discovery/v2.0/keys' },
    { name: 'relative to the scheme', jwksUri: '//login.example/keys' },
    { name: 'file:', jwksUri: 'file:///etc/keys.json' },
    { name: 'data:', jwksUri: 'data:application/json,{"keys":[]}' },
    { name: 'blob: (its origin is its inner URL)', jwksUri: 'blob:https://login.example/keys' },
    { name: 'javascript:', jwksUri: 'javascript:0' },
    { name: 'empty', jwksUri: '' },
    { name: 'null', jwksUri: null },
    { name: 'a list', jwksUri: [jwksUri] },
    { name: 'missing', jwksUri: undefined }
  ]
  for (const { name, jwksUri } of refused) {
    t.test(name, (t) => t.rejects(fetched({ ...document, jwks_uri: jwksUri }), /jwks_uri/))
  }
  t.equal(
    (await fetched({ ...document, jwks_uri: `${origin}/common/keys?appid=x` })).jwksUri,
    `${origin}/common/keys?appid=x`
  )
})

t.test('what is no JSON object (RFC 8259 §4) is no document: weather, not configuration', async (t) => {
  for (const answer of [null, undefined, 'text', 42, true, [], [document]]) {
    t.test(JSON.stringify(answer) ?? 'nothing', async (t) => {
      const error: unknown = await fetched(answer).catch((error: unknown) => error)
      t.ok(error instanceof Error, 'it is refused')
      t.notOk(error instanceof MetadataMismatchError, 'and names no other authority')
    })
  }
})

t.test('that there is no answer is passed on as it is', async (t) => {
  const gone = new Error('gone')
  await t.rejects(
    fetchMetadata(() => Promise.reject(gone), { url, issuer }),
    gone
  )
})

t.test('nobody can change it', async (t) => {
  t.ok(Object.isFrozen(await fetched(document)))
})

t.test('keys on another origin only where that one is expected, and then on no other', async (t) => {
  const keysOrigin = 'https://keys.example'
  const from = (jwks_uri: string, source: object = { keysOrigin }) =>
    fetchMetadata(() => Promise.resolve({ ...document, jwks_uri }), { url, issuer, ...source })
  t.equal((await from(`${keysOrigin}/certs`)).jwksUri, `${keysOrigin}/certs`)
  t.equal((await from(jwksUri, { keysOrigin: undefined })).jwksUri, jwksUri)
  for (const elsewhere of [
    jwksUri,
    `${keysOrigin}.evil.example/certs`,
    `http://keys.example/certs`,
    'https://evil.example/'
  ])
    await t.rejects(from(elsewhere), /jwks_uri is not on https:\/\/keys.example/, elsewhere)
  await t.rejects(from(`${keysOrigin}/certs`, {}), {
    message: "the discovery document's jwks_uri is not on https://login.example, but on https://keys.example"
  })
  const named = from(`${keysOrigin}/certs`, { keysOption: 'keysOrigin' })
  await t.rejects(named, /but on https:\/\/keys\.example; if the provider's keys are there, set keysOrigin to it$/)
  for (const none of ['certs', '', 7, null, undefined])
    await t.rejects(from(none as string, { keysOption: 'keysOrigin' }), /jwks_uri is not on https:\/\/login\.example$/)
})

t.test('which of Microsoft’s clouds it is, where it says so', async (t) => {
  const named = async (cloud_instance_name: unknown) =>
    (await fetched({ ...document, cloud_instance_name })).cloudInstance
  t.equal(await named('microsoftonline.com'), 'microsoftonline.com')
  for (const odd of [undefined, null, 7, ['microsoftonline.com']]) t.equal(await named(odd), undefined)
})
