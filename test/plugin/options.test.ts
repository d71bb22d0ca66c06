import t from 'tap'
import type { EntraTenantOptions } from '../../src/plugin/entra/options.js'
import type { TimeOptions } from '../../src/plugin/keys/timings.js'
import { EntraConfigurationError } from '../../src/plugin/lib/configuration-error.js'
import { type EntraOptions, type Settings, toSettings } from '../../src/plugin/options.js'

const tenantId = '11111111-2222-4333-8444-555555555555'
const clientId = '66666666-7777-4888-8999-aaaaaaaaaaaa'
const client = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'
const good: EntraOptions = { tenantId, clientId }

interface Case {
  rule: string
  /** Laid over good options; `undefined` is "not given". */
  options: Record<string, unknown>
  /** What the message must name: options, and values where they were given. */
  names: string[]
}

const tenant: Case[] = [
  { rule: 'required', options: { tenantId: undefined }, names: ['tenantId'] },
  { rule: 'empty', options: { tenantId: '' }, names: ['tenantId'] },
  { rule: 'null', options: { tenantId: null }, names: ['tenantId', 'null'] },
  { rule: 'no string', options: { tenantId: [tenantId] }, names: ['tenantId', `["${tenantId}"]`] },
  { rule: 'a space', options: { tenantId: ' ' }, names: ['tenantId', '" "'] },
  {
    rule: 'Entra rule 2: no tenant list',
    options: { tenantId: 'common' },
    names: ['tenantId', '"common"', 'allowedTenants']
  },
  {
    rule: 'Entra rule 2: in any case',
    options: { tenantId: 'Common' },
    names: ['tenantId', '"common"', 'allowedTenants']
  },
  {
    rule: 'Entra rule 2: no tenant list',
    options: { tenantId: 'organizations' },
    names: ['tenantId', '"organizations"', 'allowedTenants']
  },
  {
    rule: 'Entra rule 2: in any case',
    options: { tenantId: 'ORGANIZATIONS' },
    names: ['tenantId', '"organizations"', 'allowedTenants']
  },
  {
    rule: 'Entra rule 2: personal accounts',
    options: { tenantId: 'consumers' },
    names: ['tenantId', '"consumers"', 'personal accounts']
  },
  {
    rule: 'Entra rule 2: in any case',
    options: { tenantId: 'conSUMERS' },
    names: ['tenantId', '"consumers"', 'personal accounts']
  },
  {
    rule: 'a GUID, not its beginning',
    options: { tenantId: tenantId.slice(1) },
    names: ['tenantId', tenantId.slice(1)]
  },
  { rule: 'a GUID, and nothing after', options: { tenantId: `${tenantId}\n` }, names: ['tenantId', `${tenantId}\\n`] },
  { rule: 'no braces', options: { tenantId: `{${tenantId}}` }, names: ['tenantId', `{${tenantId}}`] },
  { rule: 'no path', options: { tenantId: `${tenantId}/v2.0` }, names: ['tenantId', `${tenantId}/v2.0`] },
  { rule: 'no way up', options: { tenantId: '../common' }, names: ['tenantId', '"../common"'] },
  { rule: 'no template', options: { tenantId: '{tenantid}' }, names: ['tenantId', '"{tenantid}"'] },
  { rule: 'no list', options: { tenantId: '*' }, names: ['tenantId', '"*"'] },
  {
    rule: 'RFC 1035 §2.3.1: a label begins and ends plainly',
    options: { tenantId: '-a.com' },
    names: ['tenantId', '"-a.com"']
  },
  { rule: 'RFC 1035: no empty label', options: { tenantId: 'a..com' }, names: ['tenantId', '"a..com"'] },
  {
    rule: 'RFC 1035 §2.3.4: a label of 64',
    options: { tenantId: `${'a'.repeat(64)}.com` },
    names: ['tenantId', 'aaa.com']
  },
  { rule: 'a domain has a dot', options: { tenantId: 'contoso' }, names: ['tenantId', '"contoso"'] },
  { rule: 'an address is no domain', options: { tenantId: '10.0.0.1' }, names: ['tenantId', '"10.0.0.1"'] },
  {
    rule: 'a URL is no domain',
    options: { tenantId: 'https://contoso.com' },
    names: ['tenantId', '"https://contoso.com"']
  }
]

const api: Case[] = [
  { rule: 'required', options: { clientId: undefined }, names: ['clientId'] },
  { rule: 'empty', options: { clientId: '' }, names: ['clientId'] },
  { rule: 'null', options: { clientId: null }, names: ['clientId', 'null'] },
  { rule: 'a number', options: { clientId: 7 }, names: ['clientId', '7'] },
  { rule: 'a name', options: { clientId: 'orders' }, names: ['clientId', '"orders"'] },
  { rule: 'the App ID URI', options: { clientId: `api://${clientId}` }, names: ['clientId', `"api://${clientId}"`] },
  { rule: 'space around it', options: { clientId: ` ${clientId}` }, names: ['clientId', `" ${clientId}"`] },
  { rule: 'audience: empty', options: { audience: '' }, names: ['audience', '""'] },
  { rule: 'audience: none', options: { audience: [] }, names: ['audience', '[]'] },
  { rule: 'audience: one of them empty', options: { audience: ['a', ''] }, names: ['audience', '["a",""]'] },
  { rule: 'audience: null', options: { audience: null }, names: ['audience', 'null'] },
  { rule: 'audience: a number', options: { audience: 7 }, names: ['audience', '7'] },
  { rule: 'audience: a space', options: { audience: 'api://a b' }, names: ['audience', '"api://a b"'] },
  { rule: 'audience: RFC 9110 §5.6.4', options: { audience: 'a", error="' }, names: ['audience', '\\"'] }
]

const clients: Case[] = ['allowedClients', 'rolelessClients'].flatMap((name) => [
  { rule: 'none', options: { [name]: [] }, names: [name, '[]'] },
  { rule: 'an empty one', options: { [name]: [''] }, names: [name, '[""]'] },
  { rule: 'an empty one among others', options: { [name]: [client, ''] }, names: [name, `["${client}",""]`] },
  { rule: 'a string is no list', options: { [name]: client }, names: [name, `"${client}"`] },
  { rule: 'an empty string is no list, and must not mean "any"', options: { [name]: '' }, names: [name, '""'] },
  { rule: 'null is no list, and must not mean "any"', options: { [name]: null }, names: [name, 'null'] },
  { rule: 'false is no list, and must not mean "any"', options: { [name]: false }, names: [name, 'false'] },
  { rule: '0 is no list, and must not mean "any"', options: { [name]: 0 }, names: [name, '0'] },
  { rule: 'a number in it', options: { [name]: [7] }, names: [name, '[7]'] }
])

const where: Case[] = [
  {
    rule: 'resource: no URL alone',
    options: { resource: 'https://api.example' },
    names: ['resource', '"https://api.example"']
  },
  { rule: 'resource: relative', options: { resource: { publicUrl: '/mcp' } }, names: ['resource.publicUrl', '"/mcp"'] },
  {
    rule: 'resource: plain http',
    options: { resource: { publicUrl: 'http://api.example' } },
    names: ['resource.publicUrl', '"http://api.example"']
  },
  { rule: 'cloud: unknown', options: { cloud: 'mars' }, names: ['cloud', '"mars"'] },
  { rule: 'cloud: empty', options: { cloud: '' }, names: ['cloud', '""'] },
  { rule: 'cloud: null', options: { cloud: null }, names: ['cloud', 'null'] },
  { rule: 'cloud: exactly one of the names', options: { cloud: 'Public' }, names: ['cloud', '"Public"'] },
  { rule: 'cloud: what every object has', options: { cloud: 'toString' }, names: ['cloud', '"toString"'] },
  { rule: 'cloud: what every object has', options: { cloud: '__proto__' }, names: ['cloud', '"__proto__"'] },
  {
    rule: 'contradiction: cloud with authority',
    options: { cloud: 'china', authority: 'https://login.example.com' },
    names: ['cloud', 'authority', 'china', 'https://login.example.com']
  },
  {
    rule: 'contradiction: also where they agree',
    options: { cloud: 'public', authority: 'https://login.microsoftonline.com' },
    names: ['cloud', 'authority', 'public', 'https://login.microsoftonline.com']
  }
]

const authorities: Case[] = [
  ['empty', ''],
  ['null', null],
  ['a number', 7],
  ['no URL', 'login.microsoftonline.com'],
  ['a trailing slash', 'https://login.microsoftonline.com/'],
  ['a path', 'https://login.microsoftonline.com/tenant'],
  ['a query', 'https://login.microsoftonline.com?a=b'],
  ['a fragment', 'https://login.microsoftonline.com#a'],
  ['credentials', 'https://user:secret@login.microsoftonline.com'],
  ['the port that https has anyway', 'https://login.microsoftonline.com:443'],
  ['upper case: issuers are compared exactly', 'https://Login.example.com'],
  ['space around it', ' https://login.example.com'],
  ['http beyond loopback', 'http://login.example.com'],
  ['http to a private address', 'http://10.0.0.1'],
  ['http to every address', 'http://0.0.0.0:4000'],
  ['http to a name that begins as loopback does', 'http://127.0.0.1.evil.example'],
  ['http to a name that begins as localhost does', 'http://localhost.evil.example'],
  ['http to a name that ends as localhost does', 'http://notlocalhost'],
  ['http to an address next to loopback', 'http://128.0.0.1'],
  ['http to an IPv6 address next to loopback', 'http://[::2]'],
  ['another scheme', 'ftp://127.0.0.1'],
  ['a file', 'file:///etc/passwd'],
  ['a script', 'javascript:alert(1)'],
  ['more than one', 'https://a.example,https://b.example'],
  ['a list', ['https://login.example.com']]
].map(([rule, authority]) => ({
  rule: `authority: ${rule}`,
  options: { authority },
  names: [
    'authority',
    JSON.stringify(authority)
      .replace('user:secret@', '…@')
      .replace(/([?#])\w.*"/, '$1…"')
  ]
}))

const algorithms: Case[] = [
  ['Entra rule 5: RS256 only: the public key as a secret', ['HS256']],
  ['Entra rule 5: RS256 only: beside it', ['RS256', 'HS256']],
  ['RFC 8725 §3.2: none', ['none']],
  ['Entra rule 5: RS256 only', ['RS512']],
  ['RFC 7518 §3.1: alg has a case', ['rs256']],
  ['the packages’ holes: empty switches the check off', []],
  ['null', null],
  ['empty', ''],
  ['a string is no list', 'RS256'],
  ['a list within', [['RS256']]]
].map(([rule, value]) => ({
  rule: `algorithms: ${rule}`,
  options: { algorithms: value },
  names: ['algorithms', JSON.stringify(value)]
}))

const secondsOptions = [
  'keysRefreshSeconds',
  'keysCooldownSeconds',
  'keysMaxStaleSeconds',
  'keysTimeoutSeconds',
  'clockToleranceSeconds'
] as const

const seconds: Case[] = secondsOptions.flatMap((name) =>
  [
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-1, '-1'],
    [-0.001, '-0.001'],
    ['60', '"60"'],
    ['', '""'],
    [null, 'null'],
    [true, 'true'],
    [[60], '[60]'],
    [1e300, '1e+300'],
    // Node: a timer of more than 2^31 - 1 milliseconds fires at once.
    [2_147_483.648, '2147483.648']
  ].map(([value, shown]) => ({ rule: `${name}: ${shown}`, options: { [name]: value }, names: [name, String(shown)] }))
)

const switches: Case[] = ['strictRoutes', 'userDecorator'].flatMap((name) =>
  ['true', 'on', '', 0, 1, null].map((value) => ({
    rule: `${name} ${JSON.stringify(value)}`,
    options: { [name]: value },
    names: [name, JSON.stringify(value)]
  }))
)

const keySources: Case[] = [
  ...['', 1, {}, [], null, true].map((value) => ({
    rule: `preloadedKeys ${JSON.stringify(value)}`,
    options: { preloadedKeys: value },
    names: ['preloadedKeys', JSON.stringify(value)]
  })),
  ...['keys.json', {}, null].map((value) => ({
    rule: `saveKeys ${JSON.stringify(value)}`,
    options: { saveKeys: value },
    names: ['saveKeys', JSON.stringify(value)]
  }))
]

const unknown: Case[] = [
  { rule: 'a slip', options: { tenantID: tenantId }, names: ['tenantID'] },
  { rule: 'a slip that would widen, left unseen', options: { allowedClient: [client] }, names: ['allowedClient'] },
  { rule: 'another library’s', options: { secret: 'x' }, names: ['secret'] },
  { rule: 'an empty name', options: { '': 'x' }, names: ['""'] },
  { rule: 'what every object has', options: { toString: 'x' }, names: ['toString'] }
]

function messageOf(options: Record<string, unknown>): string {
  const laid = { ...good, ...options }
  const given = Object.fromEntries(
    Object.entries(laid).filter(([name, value]) => !(name in good && value === undefined))
  )
  try {
    toSettings(given as unknown as EntraOptions)
    return 'accepted'
  } catch (error) {
    return error instanceof EntraConfigurationError ? error.message : `another error: ${error}`
  }
}

const caches: Case[] = [
  { rule: 'not on and off', options: { tokenCache: true }, names: ['tokenCache', 'true'] },
  { rule: 'no number', options: { tokenCache: 100 }, names: ['tokenCache', '100'] },
  { rule: 'no list', options: { tokenCache: [] }, names: ['tokenCache', '[]'] },
  { rule: 'null is not off', options: { tokenCache: null }, names: ['tokenCache', 'null'] },
  { rule: 'a slip', options: { tokenCache: { maxToken: 1 } }, names: ['tokenCache.maxToken'] },
  ...[0, -1, 1.5, 1_000_001, '10', Number.NaN].map((value) => ({
    rule: `maxTokens ${value}`,
    options: { tokenCache: { maxTokens: value } },
    names: ['tokenCache.maxTokens', String(value)]
  })),
  ...[0, 65_535, 2 ** 40 + 1, Number.POSITIVE_INFINITY].map((value) => ({
    rule: `maxBytes ${value}`,
    options: { tokenCache: { maxBytes: value } },
    names: ['tokenCache.maxBytes', String(value)]
  }))
]

const audits: Case[] = ['on', true, '', 'Refusals', null, ['all']].map((audit) => ({
  rule: `audit ${JSON.stringify(audit)}`,
  options: { audit },
  names: ['audit', JSON.stringify(audit)]
}))

const b2c = { authority: 'https://contoso.b2clogin.com' }
const products: Case[] = [
  { rule: 'beside one tenant', options: { allowedTenants: '*' }, names: ['allowedTenants', '"*"', 'organizations'] },
  { rule: 'no function', options: { groups: ['g'] }, names: ['groups', '["g"]'] },
  { rule: 'no credential', options: { downstream: {} }, names: ['downstream', 'clientSecret'] },
  { rule: 'no function', options: { isRevoked: true }, names: ['isRevoked', 'true'] },
  { rule: 'no switch', options: { customSigningKeys: 'yes' }, names: ['customSigningKeys', '"yes"'] },
  {
    rule: 'of many tenants',
    options: { tenantId: 'Organizations', allowedTenants: '*', customSigningKeys: true },
    names: ['customSigningKeys', 'tenantId', '"organizations"']
  },
  {
    rule: 'no on-behalf-of with such keys',
    options: { customSigningKeys: true, downstream: { clientSecret: 's' } },
    names: ['customSigningKeys', 'downstream', 'on-behalf-of']
  },
  {
    rule: 'of no directory, in any case',
    options: { ...b2c, userFlow: 'B2C_1_signin', tenantId: 'Organizations', allowedTenants: '*' },
    names: ['userFlow', 'tenantId', '"organizations"']
  },
  { rule: 'without its authority', options: { userFlow: 'B2C_1_signin' }, names: ['userFlow', 'authority'] },
  { rule: 'a path', options: { ...b2c, userFlow: '../B2C_1' }, names: ['userFlow', '"../B2C_1"'] },
  { rule: 'empty', options: { ...b2c, userFlow: '' }, names: ['userFlow'] },
  { rule: 'a number', options: { ...b2c, userFlow: 7 }, names: ['userFlow', '7'] },
  { rule: 'none in the list', options: { ...b2c, userFlow: [] }, names: ['userFlow'] },
  { rule: 'a path in the list', options: { ...b2c, userFlow: ['B2C_1_a', 'b/c'] }, names: ['userFlow', '"b/c"'] },
  { rule: 'one twice', options: { ...b2c, userFlow: ['B2C_1_a', 'b2c_1_A'] }, names: ['userFlow', 'b2c_1_a twice'] },
  {
    rule: 'both',
    options: { ...b2c, userFlow: 'B2C_1_signin', customSigningKeys: true },
    names: ['userFlow', 'customSigningKeys']
  },
  {
    rule: 'of no directory',
    options: { ...b2c, userFlow: 'B2C_1_signin', tenantId: 'common', allowedTenants: '*' },
    names: ['userFlow', 'tenantId', '"common"']
  }
]

const tables = {
  products,
  tenant,
  api,
  clients,
  where,
  authorities,
  algorithms,
  seconds,
  caches,
  audits,
  switches,
  keySources,
  unknown
}

for (const [name, cases] of Object.entries(tables)) {
  t.test(
    `${name}: throws one sentence that names the option, the value where one was given, and the fix`,
    async (t) => {
      for (const { rule, options, names } of cases) {
        const message = messageOf(options)
        const missing = names.filter((each) => !message.includes(each))
        t.strictSame(missing, [], `${rule}: ${message}`)
        t.notMatch(message, /^accepted|^another error/, rule)
        t.match(message, /; \S/, `${rule}: what to change comes second`)
        t.notMatch(message, /[\r\n]|\. [A-Z]|\.$/, `${rule}: one sentence, on one line, to be put into another`)
      }
    }
  )
}

t.test('every option has bad values in these tables', async (t) => {
  const [, options = ''] = /; the options are (.+)$/.exec(messageOf({ nonsense: 1 })) ?? []
  const covered = new Set(
    Object.values(tables).flatMap((cases) => cases.flatMap(({ options }) => Object.keys(options)))
  )
  t.strictSame(
    options.split(', ').filter((name) => !covered.has(name)),
    []
  )
})

t.test('the value of an unknown option may be a secret, and is not shown', async (t) => {
  t.notMatch(messageOf({ clientSecret: 's3cr3t~value' }), 's3cr3t')
})

t.test('the contract: defaults', async (t) => {
  const settings = toSettings(good)
  t.strictSame(settings.audiences, [clientId, `api://${clientId}`, `api://${good.tenantId}/${clientId}`])
  t.equal(settings.allowedClients, undefined, 'any')
  t.equal(settings.rolelessClients.size, 0, 'none')
  t.strictSame(settings.algorithms, ['RS256'])
  t.strictSame(settings.keyTimings, { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 })
  t.equal(settings.keysTimeoutSeconds, 5)
  t.equal(settings.clockToleranceSeconds, 60)
  t.same(settings.audit, { level: 'refusals', personalData: false })
  t.equal(settings.strictRoutes, false)
  t.equal(toSettings({ ...good, strictRoutes: true }).strictRoutes, true)
  t.strictSame(settings.tokenCache, { maxTokens: 10_000, maxBytes: 64 * 1024 * 1024 })
  t.equal(toSettings({ ...good, tokenCache: false }).tokenCache, undefined)
  t.match(toSettings({ ...good, tokenCache: { maxTokens: 5 } }).tokenCache, { maxTokens: 5, maxBytes: 67_108_864 })
})

t.test('both default Application ID URIs are audiences, where the tenant is known by its ID', async (t) => {
  const audiencesOf = (options: object) => toSettings({ ...good, ...options } as EntraOptions).audiences
  const upper = { tenantId: good.tenantId.toUpperCase(), clientId: clientId.toUpperCase() }
  t.strictSame(audiencesOf(upper), [clientId, `api://${clientId}`, `api://${good.tenantId}/${clientId}`])
  t.strictSame(audiencesOf({ tenantId: 'contoso.example' }), [clientId, `api://${clientId}`])
  const many = { tenantId: 'organizations', allowedTenants: [good.tenantId] }
  t.strictSame(audiencesOf(many), [clientId, `api://${clientId}`], 'the API is in one of them')
  t.strictSame(audiencesOf({ audience: clientId }), [clientId], 'in place of them')
})

t.test('what is given is taken', async (t) => {
  const settings = toSettings({
    ...good,
    audience: ['a', 'b'],
    allowedClients: [client],
    rolelessClients: [clientId],
    algorithms: ['RS256'],
    keysRefreshSeconds: 11,
    keysCooldownSeconds: 12,
    keysMaxStaleSeconds: 13,
    keysTimeoutSeconds: 14,
    clockToleranceSeconds: 0
  })
  t.strictSame(settings.audiences, ['a', 'b'], 'instead of the default')
  t.strictSame([...(settings.allowedClients ?? [])], [client])
  t.strictSame([...settings.rolelessClients], [clientId])
  t.strictSame(settings.keyTimings, { refreshSeconds: 11, cooldownSeconds: 12, maxStaleSeconds: 13 })
  t.equal(settings.keysTimeoutSeconds, 14)
  t.equal(settings.clockToleranceSeconds, 0, 'no tolerance is a choice, and not the default')
  t.strictSame(toSettings({ ...good, audience: 'api://orders' }).audiences, ['api://orders'], 'one, as a string')
})

t.test('the bounds that a message names are the bounds', async (t) => {
  for (const name of secondsOptions) {
    const [, least, most] = /from (\S+) to (\S+)$/.exec(messageOf({ [name]: -1 })) ?? []
    t.ok(least !== undefined && most !== undefined, `${name}: named`)
    for (const [value, is] of [
      [Number(least), true],
      [Number(least) - 0.001, false],
      [Number(most), true],
      [Number(most) + 0.001, false]
    ] as const) {
      t.equal(messageOf({ [name]: value }) === 'accepted', is, `${name}: ${value}`)
    }
  }
})

t.test('Entra rule 5: keys live for 24 hours, so a refresh may not be rarer', async (t) => {
  t.equal(messageOf({ keysRefreshSeconds: 86_400 }), 'accepted')
  t.not(messageOf({ keysRefreshSeconds: 86_401 }), 'accepted')
})

/** Whether a settings’ issuer of that version is, or may be, this one. */
function trusts({ issuers }: Settings, version: '1.0' | '2.0', issuer: string): boolean {
  return issuers
    .filter((_, at) => at === (version === '2.0' ? 0 : 1))
    .some((each) => (typeof each.issuer === 'string' ? each.issuer === issuer : each.issuer.test(issuer)))
}

const microsoft = 'https://login.microsoftonline.com'
const domain = 'contoso.onmicrosoft.com'
const otherTenant = '99999999-2222-4333-8444-555555555555'

interface IssuerCase {
  rule: string
  options: Partial<EntraTenantOptions & TimeOptions>
  version: '1.0' | '2.0'
  issuer: string
  is: boolean
}

const issuers: IssuerCase[] = [
  { rule: '5.1', options: {}, version: '2.0', issuer: `${microsoft}/${tenantId}/v2.0`, is: true },
  {
    rule: 'Entra rule 2: another tenant',
    options: {},
    version: '2.0',
    issuer: `${microsoft}/${otherTenant}/v2.0`,
    is: false
  },
  { rule: '5.1', options: {}, version: '1.0', issuer: `https://sts.windows.net/${tenantId}/`, is: true },
  {
    rule: 'Entra rule 1: the slash',
    options: {},
    version: '1.0',
    issuer: `https://sts.windows.net/${tenantId}`,
    is: false
  },
  {
    rule: 'the contract: the cloud table’s',
    options: {},
    version: '1.0',
    issuer: `https://evil.example/${tenantId}/`,
    is: false
  },
  {
    rule: 'Entra rule 12: China’s own',
    options: { cloud: 'china' },
    version: '1.0',
    issuer: `https://sts.chinacloudapi.cn/${tenantId}/`,
    is: true
  },
  {
    rule: 'Entra rule 12: and not the public one',
    options: { cloud: 'china' },
    version: '1.0',
    issuer: `https://sts.windows.net/${tenantId}/`,
    is: false
  },
  {
    rule: 'the contract: as the v1 metadata of another authority says',
    options: { authority: 'https://contoso.ciamlogin.com' },
    version: '1.0',
    issuer: `https://sts.ciamlogin.com/${tenantId}/`,
    is: true
  },
  {
    rule: 'Entra rule 2: but of the same tenant',
    options: { authority: 'https://contoso.ciamlogin.com' },
    version: '1.0',
    issuer: `https://sts.ciamlogin.com/${otherTenant}/`,
    is: false
  },
  {
    rule: 'a domain: the document says which GUID',
    options: { tenantId: domain },
    version: '2.0',
    issuer: `${microsoft}/${tenantId}/v2.0`,
    is: true
  },
  {
    rule: 'a domain: 5.2: the template is no issuer',
    options: { tenantId: domain },
    version: '2.0',
    issuer: `${microsoft}/{tenantid}/v2.0`,
    is: false
  },
  {
    rule: 'a domain: another host',
    options: { tenantId: domain },
    version: '2.0',
    issuer: `https://evil.example/${tenantId}/v2.0`,
    is: false
  },
  {
    rule: 'a domain: a host that a dot would match as a pattern',
    options: { tenantId: domain },
    version: '2.0',
    issuer: `https://loginXmicrosoftonline.com/${tenantId}/v2.0`,
    is: false
  },
  {
    rule: 'a domain: nothing before',
    options: { tenantId: domain },
    version: '2.0',
    issuer: `https://evil.example/${microsoft}/${tenantId}/v2.0`,
    is: false
  },
  {
    rule: 'a domain: nothing after',
    options: { tenantId: domain },
    version: '2.0',
    issuer: `${microsoft}/${tenantId}/v2.0/`,
    is: false
  },
  {
    rule: 'a domain on Microsoft’s own host: v1 issuer of the cloud table',
    options: { tenantId: domain },
    version: '1.0',
    issuer: `https://sts.windows.net/${tenantId}/`,
    is: true
  },
  {
    rule: 'the contract: for Microsoft’s own hosts the v1 issuer must be the cloud table’s, also with a domain',
    options: { tenantId: domain },
    version: '1.0',
    issuer: `https://evil.example/${tenantId}/`,
    is: false
  },
  {
    rule: 'the contract: also in China',
    options: { tenantId: domain, cloud: 'china' },
    version: '1.0',
    issuer: `https://sts.windows.net/${tenantId}/`,
    is: false
  },
  {
    rule: 'OpenID Connect Discovery §3: an issuer is https, but on loopback',
    options: { authority: 'https://contoso.ciamlogin.com' },
    version: '1.0',
    issuer: `http://contoso.ciamlogin.com/${tenantId}/`,
    is: false
  },
  {
    rule: 'the contract: http on loopback',
    options: { tenantId: domain, authority: 'http://127.0.0.1:4000' },
    version: '2.0',
    issuer: `http://127.0.0.1:4000/${tenantId}/v2.0`,
    is: true
  },
  {
    rule: 'a domain on IPv6 loopback: brackets are no pattern',
    options: { tenantId: domain, authority: 'http://[::1]:4000' },
    version: '2.0',
    issuer: `http://[::1]:4000/${tenantId}/v2.0`,
    is: true
  }
]

t.test('issuers', async (t) => {
  for (const { rule, options, version, issuer, is } of issuers) {
    t.equal(trusts(toSettings({ ...good, ...options }), version, issuer), is, `${rule}: ${issuer}`)
  }
})

const origins: [rule: string, authority: string][] = [
  ['the contract: http on loopback', 'http://127.0.0.1:4000'],
  ['RFC 1122 §3.2.1.3: the whole of 127/8 is loopback', 'http://127.255.255.254'],
  ['RFC 6761 §6.3: localhost', 'http://localhost:4000'],
  ['RFC 4291 §2.5.3: ::1', 'http://[::1]:4000']
]

t.test('authorities that pass: issuer and discovery are built from them', async (t) => {
  for (const [rule, authority] of origins) {
    const [v2, v1] = toSettings({ ...good, authority }).issuers
    t.equal(v2?.issuer, `${authority}/${tenantId}/v2.0`, rule)
    t.equal(v2?.url, `${authority}/${tenantId}/v2.0/.well-known/openid-configuration`, rule)
    t.equal(v1?.url, `${authority}/${tenantId}/.well-known/openid-configuration`, rule)
    t.strictSame([v2?.optional, v1?.optional], [false, true], 'v1 metadata may be missing, v2 not')
  }
})

t.test('External ID, and a domain of one’s own: the document says which of three issuers it is', async (t) => {
  const other = '99999999-2222-4333-8444-555555555555'
  for (const authority of ['https://contoso.ciamlogin.com', 'https://login.example.com:8443']) {
    const [v2] = toSettings({ ...good, authority }).issuers
    t.equal(v2?.url, `${authority}/${tenantId}/v2.0/.well-known/openid-configuration`)
    const rows: Record<string, boolean> = {
      [`${authority}/${tenantId}/v2.0`]: true,
      [`https://${tenantId}.ciamlogin.com/${tenantId}/v2.0`]: true,
      [`${microsoft}/${tenantId}/v2.0`]: true,
      [`https://${other}.ciamlogin.com/${tenantId}/v2.0`]: false,
      [`https://${tenantId}.ciamlogin.com/${other}/v2.0`]: false,
      [`https://${other}.ciamlogin.com/${other}/v2.0`]: false,
      [`https://${tenantId}.ciamlogin.com.evil.example/${tenantId}/v2.0`]: false,
      [`https://evil.example/${tenantId}/v2.0`]: false,
      [`${microsoft}/${tenantId}/v2.0/`]: false,
      [`http://${tenantId}.ciamlogin.com/${tenantId}/v2.0`]: false
    }
    for (const [issuer, is] of Object.entries(rows)) t.equal((v2.issuer as RegExp).test(issuer), is, issuer)
    const [named] = toSettings({ ...good, tenantId: 'contoso.example', authority }).issuers
    t.ok((named.issuer as RegExp).test(`https://${tenantId}.ciamlogin.com/${tenantId}/v2.0`), 'by a domain')
    t.notOk((named.issuer as RegExp).test(`https://${tenantId}.ciamlogin.com/${other}/v2.0`), 'of one tenant, twice')
  }
})

t.test('Azure AD B2C: one document for each user flow, and the issuer that its settings say', async (t) => {
  const userFlow = 'B2C_1_signin'
  const other = '99999999-2222-4333-8444-555555555555'
  for (const tenant of [tenantId, 'contoso.onmicrosoft.com']) {
    const { issuers } = toSettings({ ...good, ...b2c, userFlow, tenantId: tenant })
    t.same(
      issuers.map(({ url, optional }) => ({ url, optional })),
      [{ url: `${b2c.authority}/${tenant}/${userFlow}/v2.0/.well-known/openid-configuration`, optional: false }]
    )
    const issuer = issuers[0].issuer as RegExp
    const rows: Record<string, boolean> = {
      [`${b2c.authority}/${tenantId}/v2.0/`]: true,
      [`${b2c.authority}/tfp/${tenantId}/b2c_1_signin/v2.0/`]: true,
      [`${b2c.authority}/${tenantId}/v2.0`]: false,
      [`${b2c.authority}/tfp/${tenantId}/b2c_1_reset/v2.0/`]: false,
      [`${b2c.authority}/${other}/v2.0/`]: tenant !== tenantId,
      [`https://evil.b2clogin.com/${tenantId}/v2.0/`]: false
    }
    for (const [name, is] of Object.entries(rows)) t.equal(issuer.test(name), is, name)
  }
})

t.test('custom signing keys: the documents are asked for by the client ID', async (t) => {
  const urls = toSettings({ ...good, customSigningKeys: true }).issuers.map(({ url }) => url)
  t.same(urls, [
    `${microsoft}/${tenantId}/v2.0/.well-known/openid-configuration?appid=${clientId}`,
    `${microsoft}/${tenantId}/.well-known/openid-configuration?appid=${clientId}`
  ])
})

const domains = ['contoso.com', 'a.b.c.example', 'x-1.onmicrosoft.com', `${'a'.repeat(63)}.com`]

t.test('a verified domain names a tenant', async (t) => {
  for (const name of domains) {
    const [v2] = toSettings({ ...good, tenantId: name }).issuers
    t.equal(v2?.url, `${microsoft}/${name}/v2.0/.well-known/openid-configuration`)
  }
})

t.test('RFC 9562 §4, RFC 4343: a GUID and a domain have no case; Entra’s tokens have lower-case GUIDs', async (t) => {
  t.equal(toSettings({ ...good, tenantId: tenantId.toUpperCase() }).issuers[0]?.issuer, `${microsoft}/${tenantId}/v2.0`)
  t.match(toSettings({ ...good, tenantId: domain.toUpperCase() }).issuers[0]?.url, `/${domain}/`)
  const upper = toSettings({ ...good, clientId: clientId.toUpperCase() })
  t.ok(upper.audiences.includes(clientId), 'the aud of v2 tokens')
  const clients = toSettings({
    ...good,
    allowedClients: [client.toUpperCase()],
    rolelessClients: [client.toUpperCase()]
  })
  t.ok(clients.allowedClients?.has(client), 'azp, allowedClients')
  t.ok(clients.rolelessClients.has(client), 'azp, rolelessClients')
})

t.test('settings stay as they were checked', async (t) => {
  const audience = ['a']
  const allowedClients = [client]
  const settings = toSettings({ ...good, audience, allowedClients })
  audience.push('https://graph.microsoft.com')
  allowedClients.push(clientId)
  t.strictSame(settings.audiences, ['a'])
  t.equal(settings.allowedClients?.size, 1)
  for (const [name, part] of Object.entries({ settings, ...settings, byDefault: toSettings(good).audiences })) {
    if (Array.isArray(part) || name === 'settings' || name === 'keyTimings' || name === 'tokenCache')
      t.ok(Object.isFrozen(part), `${name} is frozen`)
  }
})
