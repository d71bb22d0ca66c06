import t from 'tap'
import { firstRefusal } from '../../../src/plugin/issuers/token-rules.js'
import { algorithmNames } from '../../../src/plugin/keys/jwks.js'
import { EntraConfigurationError } from '../../../src/plugin/lib/configuration-error.js'
import { type EntraOptions, toSettings } from '../../../src/plugin/options.js'

const issuer = 'https://id.example/realms/shop'
const audience = 'https://orders.example'
const good = { issuer, audience }

interface Case {
  rule: string
  /** Laid over good options; `undefined` is "not given". */
  options: Record<string, unknown>
  /** What the message must name: options, and values where they were given. */
  names: string[]
}

const issuers: Case[] = [
  ['empty', ''],
  ['null', null],
  ['a number', 7],
  ['a list', [issuer]],
  ['a URL that is no string', {}],
  ['no URL', 'id.example'],
  ['a path', '/realms/shop'],
  ['OpenID Connect Core §2: no query', `${issuer}?tenant=a`],
  ['OpenID Connect Core §2: no query, be it empty', `${issuer}?`],
  ['OpenID Connect Core §2: no fragment', `${issuer}#a`],
  ['OpenID Connect Core §2: no fragment, be it empty', `${issuer}#`],
  ['RFC 9110 §4.2.4: no user and password, as it is logged', 'https://user:secret@id.example'],
  ['RFC 9110 §4.2.4: no user', 'https://user@id.example'],
  ['RFC 9110 §4.2.4: no password', 'https://:secret@id.example'],
  ['OpenID Connect Core §2: https, beyond loopback', 'http://id.example'],
  ['https also in a private network', 'http://10.0.0.1'],
  ['https also to every address', 'http://0.0.0.0:8080'],
  ['https also for a name that begins as loopback does', 'http://127.0.0.1.evil.example'],
  ['https also for a name that begins as localhost does', 'http://localhost.evil.example'],
  ['another scheme', 'ftp://127.0.0.1'],
  ['a file', 'file:///etc/passwd'],
  ['a script', 'javascript:alert(1)'],
  ['data', 'data:application/json,{}'],
  ['a blob has the origin of what is inside', 'blob:https://id.example/a']
].map(([rule, value]) => ({
  rule: `issuer: ${rule}`,
  options: { issuer: value },
  names: ['issuer', typeof value === 'string' || Array.isArray(value) ? withoutSecret(JSON.stringify(value)) : '']
}))

/** A password is not shown, nor whose it is. */
function withoutSecret(text: string): string {
  return text.replace(/[a-z]*(:secret)?@/, '…@').replace(/([?#])\w.*"/, '$1…"')
}

const audiences: Case[] = [
  { rule: 'RFC 9068 §4: required, no default could be right', options: { audience: undefined }, names: ['audience'] },
  { rule: 'empty', options: { audience: '' }, names: ['audience'] },
  { rule: 'none', options: { audience: [] }, names: ['audience', '[]'] },
  { rule: 'one of them empty', options: { audience: ['a', ''] }, names: ['audience', '["a",""]'] },
  { rule: 'null', options: { audience: null }, names: ['audience', 'null'] },
  { rule: 'false', options: { audience: false }, names: ['audience', 'false'] },
  { rule: 'a number', options: { audience: 7 }, names: ['audience', '7'] },
  { rule: 'a space', options: { audience: 'a b' }, names: ['audience', '"a b"'] },
  {
    rule: 'RFC 9110 §5.6.4: it is the realm of the challenge',
    options: { audience: 'a"b' },
    names: ['audience', '\\"']
  }
]

const clients: Case[] = ['allowedClients', 'rolelessClients'].flatMap((name) => [
  { rule: 'none', options: { [name]: [] }, names: [name, '[]'] },
  { rule: 'an empty one among others', options: { [name]: ['spa', ''] }, names: [name, '["spa",""]'] },
  { rule: 'a string is no list', options: { [name]: 'spa' }, names: [name, '"spa"'] },
  { rule: 'an empty string must not mean "any"', options: { [name]: '' }, names: [name, '""'] },
  { rule: 'null must not mean "any"', options: { [name]: null }, names: [name, 'null'] },
  { rule: 'false must not mean "any"', options: { [name]: false }, names: [name, 'false'] },
  { rule: 'a number in it', options: { [name]: [7] }, names: [name, '[7]'] }
])

const algorithms: Case[] = [
  ['RFC 8725 §2.1: HMAC with a public key', ['HS256']],
  ['RFC 8725 §2.1: HMAC beside others', ['ES256', 'HS256']],
  ['RFC 8725 §3.2: none', ['none']],
  ['RFC 8725 §3.2: none beside others', ['RS256', 'none']],
  ['RFC 7518 §3.1: alg has a case', ['es256']],
  ['RFC 8812 §3.2: secp256k1 is not for this', ['ES256K']],
  ['RFC 7518 §4.1: an encryption', ['RSA-OAEP']],
  ['the packages’ holes: empty switches the check off', []],
  ['null', null],
  ['empty', ''],
  ['a string is no list', 'ES256'],
  ['a list within', [['ES256']]],
  ['what every object has', ['constructor']]
].map(([rule, value]) => ({
  rule: `algorithms: ${rule}`,
  options: { algorithms: value },
  names: ['algorithms', JSON.stringify(value)]
}))

/** Options of an Entra tenant say nothing of another provider; each has a value that it could have there. */
const entraOnly: Case[] = Object.entries({
  tenantId: '11111111-2222-4333-8444-555555555555',
  clientId: '66666666-7777-4888-8999-aaaaaaaaaaaa',
  cloud: 'public',
  authority: 'https://login.example'
}).map(([name, value]) => ({ rule: 'one of Entra’s', options: { [name]: value }, names: [`"${name}"`, '"issuer"'] }))

const unknown: Case[] = [
  ...entraOnly,
  { rule: 'a slip', options: { audiences: 'a' }, names: ['"audiences"'] },
  { rule: 'a slip that would widen, left unseen', options: { allowedClient: ['spa'] }, names: ['"allowedClient"'] },
  { rule: 'an address of keys is not for the configuration', options: { jwksUri: issuer }, names: ['"jwksUri"'] },
  { rule: 'what every object has', options: { toString: 'x' }, names: ['"toString"'] }
]

const functions: Case[] = [
  { rule: 'no function', options: { groups: ['g'] }, names: ['groups', '["g"]'] },
  { rule: 'no function', options: { isRevoked: 1 }, names: ['isRevoked', '1'] },
  { rule: 'no switch', options: { strictRoutes: 'yes' }, names: ['strictRoutes', '"yes"'] },
  { rule: 'no switch', options: { userDecorator: 'yes' }, names: ['userDecorator', '"yes"'] },
  { rule: 'as for Entra', options: { resource: 'https://api.example' }, names: ['resource', '"https://api.example"'] }
]

const memory: Case[] = [
  { rule: 'as for Entra', options: { audit: 'on' }, names: ['audit', 'on'] },
  { rule: 'as for Entra', options: { tokenCache: true }, names: ['tokenCache', 'true'] },
  { rule: 'as for Entra', options: { tokenCache: { maxTokens: 0 } }, names: ['tokenCache.maxTokens', '0'] }
]

const seconds: Case[] = [
  { rule: 'as for Entra', options: { keysRefreshSeconds: 0 }, names: ['keysRefreshSeconds', '0'] },
  { rule: 'as for Entra', options: { keysCooldownSeconds: '30' }, names: ['keysCooldownSeconds', '"30"'] },
  { rule: 'as for Entra', options: { keysMaxStaleSeconds: Infinity }, names: ['keysMaxStaleSeconds', 'Infinity'] },
  { rule: 'as for Entra', options: { keysTimeoutSeconds: 61 }, names: ['keysTimeoutSeconds', '61'] },
  { rule: 'as for Entra', options: { clockToleranceSeconds: -1 }, names: ['clockToleranceSeconds', '-1'] }
]

function settingsOf(options: Record<string, unknown>) {
  const laid = Object.entries({ ...good, ...options }).filter(([, value]) => value !== undefined)
  return toSettings(Object.fromEntries(laid) as unknown as EntraOptions)
}

function messageOf(options: Record<string, unknown>): string {
  try {
    settingsOf(options)
    return 'accepted'
  } catch (error) {
    return error instanceof EntraConfigurationError ? error.message : `another error: ${error}`
  }
}

const providers: Case[] = [
  { rule: 'unknown', options: { provider: 'ping' }, names: ['provider', '"ping"', 'keycloak'] },
  { rule: 'empty', options: { rolesClaim: '' }, names: ['rolesClaim'] },
  { rule: 'no names', options: { groupsClaim: [] }, names: ['groupsClaim', '[]'] },
  { rule: 'no switch', options: { rfc9068: 1 }, names: ['rfc9068', '1'] },
  {
    rule: 'a path',
    options: { keysOrigin: 'https://a.example/keys' },
    names: ['keysOrigin', '"https://a.example/keys"']
  },
  {
    rule: 'plain http',
    options: { metadataUrl: 'http://a.example/doc' },
    names: ['metadataUrl', '"http://a.example/doc"']
  },
  { rule: 'no port', options: { insecureHttpHosts: ['keycloak'] }, names: ['insecureHttpHosts', '["keycloak"]'] }
]

const keySources: Case[] = [
  { rule: 'neither a path nor a function', options: { preloadedKeys: 7 }, names: ['preloadedKeys', '7'] },
  { rule: 'an empty path', options: { preloadedKeys: '' }, names: ['preloadedKeys', '""'] },
  { rule: 'no function', options: { saveKeys: 'keys.json' }, names: ['saveKeys', '"keys.json"'] }
]

const tables = { functions, keySources, providers, issuers, audiences, clients, algorithms, unknown, memory, seconds }

for (const [name, cases] of Object.entries(tables)) {
  t.test(`${name}: one sentence that names the option, the value where one was given, and the fix`, async (t) => {
    for (const { rule, options, names } of cases) {
      const message = messageOf(options)
      const missing = names.filter((each) => !message.includes(each))
      t.strictSame(missing, [], `${rule}: ${message}`)
      t.notMatch(message, /^accepted|^another error/, rule)
      t.match(message, /; \S/, `${rule}: what to change comes second`)
      t.notMatch(message, /[\r\n]|\. [A-Z]|\.$/, `${rule}: one sentence, on one line, to be put into another`)
    }
  })
}

t.test('every option has bad values in these tables', async (t) => {
  const [, options = ''] = /; the options are (.+)$/.exec(messageOf({ nonsense: 1 })) ?? []
  const covered = new Set(
    Object.values(tables).flatMap((cases) => cases.flatMap(({ options }) => Object.keys(options)))
  )
  t.ok(options.includes('issuer') && !options.includes('tenantId'), 'those of another provider')
  t.strictSame(
    options.split(', ').filter((name) => !covered.has(name)),
    []
  )
})

t.test('an issuer that was meant, and is not there, is missed: nothing else is trusted instead', async (t) => {
  const message = (options: object) => {
    try {
      return String(toSettings(options as EntraOptions))
    } catch (error) {
      return (error as Error).message
    }
  }
  t.match(message({ issuer: undefined, audience }), /^issuer .*; give /, 'an unset variable')
  t.match(message({ issuer: undefined }), /^issuer .*; give /)
  t.match(message({ issuer: undefined, tenantId: 'contoso.com' }), /there is no option "issuer"/, 'whoever was meant')
  t.match(message({ issuer: '', tenantId: 'contoso.com' }), /"tenantId" beside "issuer"/)
  t.match(message({ audience }), /^tenantId is missing; /, 'without the name it is a tenant')
})

t.test('defaults', async (t) => {
  const settings = toSettings(good)
  t.strictSame(settings.audiences, [audience])
  t.equal(settings.allowedClients, undefined, 'any')
  t.equal(settings.rolelessClients.size, 0, 'none')
  const listed = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA'
  t.strictSame(settings.algorithms, listed.split(' '), 'RFC 7518 §3.1, RFC 8037 §3.1: none is symmetric')
  t.strictSame(settings.keyTimings, { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 })
  t.equal(settings.keysTimeoutSeconds, 5)
  t.equal(settings.clockToleranceSeconds, 60)
  t.equal(settings.realm, audience, 'RFC 9110 §11.5: what this API is called')
  t.equal(settings.scopeBase, undefined, 'RFC 6749 §3.3: scopes are asked for by their names')
})

t.test('what is given is taken', async (t) => {
  const settings = toSettings({
    ...good,
    audience: ['orders', 'orders-v2'],
    allowedClients: ['spa', 'Daemon'],
    rolelessClients: ['probe'],
    algorithms: ['ES256', 'EdDSA'],
    keysTimeoutSeconds: 1,
    clockToleranceSeconds: 0
  })
  t.strictSame(settings.audiences, ['orders', 'orders-v2'])
  t.equal(settings.realm, 'orders', 'the first one')
  t.strictSame([...(settings.allowedClients ?? [])], ['spa', 'Daemon'], 'RFC 6749 §2.2: client IDs have a case')
  t.strictSame([...settings.rolelessClients], ['probe'])
  t.strictSame(settings.algorithms, ['ES256', 'EdDSA'])
  t.strictSame([settings.keysTimeoutSeconds, settings.clockToleranceSeconds], [1, 0])
  t.strictSame(settings.issuers[0].profile.algorithms, settings.algorithms, 'also for the keys of the issuer')
  t.equal(settings.issuers[0].profile.rolelessClients, settings.rolelessClients)
})

t.test('each algorithm may be the only one', async (t) => {
  for (const name of algorithmNames) t.strictSame(toSettings({ ...good, algorithms: [name] }).algorithms, [name])
})

const documents: [rule: string, issuer: string, url: string][] = [
  ['OpenID Connect Discovery §4.1: below the issuer', 'https://id.example', 'https://id.example'],
  ['its path stays: Keycloak’s realms', issuer, issuer],
  ['a terminating slash is left out: Auth0’s', 'https://shop.eu.auth0.com/', 'https://shop.eu.auth0.com'],
  ['only one: what is between slashes is a segment', 'https://id.example/a//', 'https://id.example/a/'],
  ['a port', 'https://id.example:8443/a', 'https://id.example:8443/a'],
  ['Okta’s authorization servers', 'https://shop.okta.com/oauth2/default', 'https://shop.okta.com/oauth2/default'],
  ['http on loopback: RFC 1122 §3.2.1.3', 'http://127.0.0.1:8080/realms/a', 'http://127.0.0.1:8080/realms/a'],
  ['http on loopback: RFC 6761 §6.3', 'http://localhost:8080', 'http://localhost:8080'],
  ['http on loopback: RFC 4291 §2.5.3', 'http://[::1]:8080', 'http://[::1]:8080']
]

t.test('the issuer is compared as it was given, and its document is found below it', async (t) => {
  for (const [rule, given, base] of documents) {
    const [only, ...others] = toSettings({ ...good, issuer: given }).issuers
    t.equal(only.issuer, given, rule)
    t.equal(only.url, `${base}/.well-known/openid-configuration`, rule)
    t.equal(only.optional, false, 'a 404 is an outage')
    t.strictSame(others, [], 'there is one')
  }
})

t.test('the rules are those of the options', async (t) => {
  const { profile } = toSettings({ ...good, allowedClients: ['spa'] }).issuers[0]
  const key = { kid: 'k', pem: 'PEM', algorithms: profile.algorithms }
  const codeOf = (claims: object) =>
    firstRefusal(profile.checks, {
      header: {},
      claims: { iss: issuer, sub: 'ann', azp: 'spa', aud: audience, scope: 'a', ...claims },
      key
    })?.code
  t.equal(codeOf({}), undefined)
  t.equal(codeOf({ aud: 'another' }), 'wrong_audience')
  t.equal(codeOf({ azp: 'another' }), 'client_not_allowed')
  t.equal(profile.toPrincipal({ iss: issuer, sub: 'ann' }).issuer, issuer)
})

t.test('an issuer of a known product without its preset: a warning that names it', async (t) => {
  const known = {
    keycloak: ['https://id.example/realms/shop', 'https://id.example/auth/realms/shop/'],
    auth0: ['https://shop.eu.auth0.com/'],
    okta: ['https://shop.okta.com', 'https://shop.oktapreview.com/oauth2/default'],
    cognito: ['https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E'],
    google: ['https://accounts.google.com'],
    authentik: ['https://id.example/application/o/shop/'],
    zitadel: ['https://shop.zitadel.cloud'],
    xsuaa: ['https://shop.authentication.eu10.hana.ondemand.com/oauth/token']
  } as const
  for (const [name, issuers] of Object.entries(known))
    for (const issuer of issuers) {
      t.match(
        toSettings({ issuer, audience }).warnings,
        [`looks like one of ${name}; give provider: '${name}'`],
        issuer
      )
      t.strictSame(
        toSettings({ issuer, audience, provider: name as 'okta' }).warnings,
        [],
        `${issuer}, with the preset`
      )
    }
  for (const issuer of ['https://id.example', 'https://okta.com.evil.example', 'https://id.example/realms/a/b'])
    t.strictSame(toSettings({ issuer, audience }).warnings, [], issuer)
})

t.test('settings stay as they were checked', async (t) => {
  const given = { audience: [audience], allowedClients: ['spa'], algorithms: ['ES256' as const] }
  const settings = toSettings({ issuer, ...given })
  for (const list of Object.values(given)) list.push('evil' as 'ES256')
  t.strictSame(settings.audiences, [audience])
  t.strictSame(settings.algorithms, ['ES256'])
  t.equal(settings.allowedClients?.size, 1)
  const byDefault = toSettings(good)
  const parts = [settings, settings.audiences, settings.algorithms, settings.issuers, settings.keyTimings]
  for (const part of [...parts, byDefault.algorithms]) t.ok(Object.isFrozen(part))
  t.not(byDefault.algorithms, algorithmNames, 'nor is the list of all that there are handed out')
})
