import t from 'tap'
import { audienceRefusal } from '../../../src/plugin/claims/audience.js'
import { audienceDetail, foreignAudienceHint, versionHint } from '../../../src/plugin/entra/hints.js'

const api = '66666666-7777-4888-8999-aaaaaaaaaaaa'
const client = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'
const base = `api://${api}`
const audiences = [api, base]

const refusalOf = (aud: unknown, scopeBase?: string, version: '1.0' | '2.0' = '2.0') =>
  audienceRefusal(
    aud,
    audiences,
    (value) => audiences.includes(value),
    scopeBase === undefined ? undefined : audienceDetail({ scopeBase, version, clientId: 'another' })
  )

const rows: { rule: string; aud: unknown; is: boolean }[] = [
  { rule: 'RFC 7519 §4.1.3: one value', aud: api, is: true },
  { rule: 'the second of the accepted ones', aud: base, is: true },
  { rule: 'RFC 7519 §4.1.3: an array that holds it', aud: ['x', base, 'y'], is: true },
  { rule: 'what else is in the array does not count', aud: [7, null, [], {}, api], is: true },
  { rule: 'RFC 7519 §4.1.3: an array of others', aud: ['x', 'y'], is: false },
  { rule: 'an empty array', aud: [], is: false },
  { rule: 'an array within an array', aud: [[api]], is: false },
  { rule: 'another one', aud: 'x', is: false },
  { rule: 'RFC 7519 §2: case-sensitive', aud: api.toUpperCase(), is: false },
  { rule: 'several in one string are one', aud: `${api} ${base}`, is: false },
  { rule: 'empty', aud: '', is: false },
  { rule: 'absent', aud: undefined, is: false },
  { rule: 'null', aud: null, is: false },
  { rule: 'a number', aud: 42, is: false },
  { rule: 'an object', aud: { [api]: true }, is: false },
  { rule: 'an object that passes for a string', aud: { toString: () => api }, is: false }
]

t.test('aud names this API, or the token is for another', async (t) => {
  for (const { rule, aud, is } of rows) {
    const refusal = refusalOf(aud)
    if (is) t.equal(refusal, undefined, rule)
    else t.match(refusal, { status: 401, error: 'invalid_token', code: 'wrong_audience' }, rule)
  }
})

t.test('what is not a string is never compared', async (t) => {
  const compared: unknown[] = []
  const note = (value: string) => {
    compared.push(value)
    return false
  }
  for (const { aud } of rows) audienceRefusal(aud, audiences, note)
  t.ok(compared.length > 0 && compared.every((value) => typeof value === 'string'))
})

t.test('the answer says what the token is for, and what this API is', async (t) => {
  const told = (received: string) =>
    `The token is for ${received}, and this API is ${api} or ${base}. Ask for a scope of this API.`
  t.equal(refusalOf('x')?.detail, told('"x"'))
  t.equal(refusalOf(['x', 'y'])?.detail, told('"x"'), 'of several the first')
  for (const aud of [undefined, null, 7, [], {}, [[api]]])
    t.equal(refusalOf(aud)?.detail, told('an audience that is not a string'), JSON.stringify(aud))
})

t.test('the contract: an aud of any JSON type is a refusal, never an error (which would be a 500)', async (t) => {
  const json = '{"toString":1,"valueOf":1}'
  for (const aud of [JSON.parse(json), [JSON.parse(json)]] as unknown[]) {
    t.doesNotThrow(() => refusalOf(aud, base), JSON.stringify(aud))
  }
})

const graph = 'Microsoft Graph'
const arm = 'Azure Resource Manager'

const hints: [aud: unknown, api: string | undefined][] = [
  ['00000003-0000-0000-c000-000000000000', graph],
  ['https://graph.microsoft.com', graph],
  ['https://graph.microsoft.com/', graph],
  ['https://graph.microsoft.us', graph],
  ['https://dod-graph.microsoft.us', graph],
  ['https://dod-graph.microsoft.us/', graph],
  ['https://microsoftgraph.chinacloudapi.cn', graph],
  ['https://graph.microsoft.de', graph],
  ['https://graph.svc.sovcloud.fr', graph],
  ['https://graph.svc.sovcloud.de', graph],
  ['https://graph.svc.sovcloud.sg', graph],
  ['https://management.azure.com', arm],
  ['https://management.azure.com/', arm],
  ['https://management.core.windows.net', arm],
  ['https://management.core.windows.net/', arm],
  ['https://graph.microsoft.com.evil.example', undefined],
  ['00000003-0000-0000-c000-000000000001', undefined],
  ['__proto__', undefined],
  [undefined, undefined],
  [['https://graph.microsoft.com'], undefined]
]

t.test('Entra rule 4: a token for Graph or ARM is told so by name, and what to ask for', async (t) => {
  for (const [aud, name] of hints) {
    const hint = foreignAudienceHint(aud, base)
    if (name === undefined) t.equal(hint, undefined, `nothing fixed to say of ${JSON.stringify(aud)}`)
    else {
      t.match(hint, name)
      t.match(hint, `${base}/access_as_user`, 'the contract: ask for the scope api://…/access_as_user')
      t.match(refusalOf(aud, base), { code: 'wrong_audience', detail: hint }, 'also where the signature held')
    }
  }
})

t.test('tokens of another provider are for no API of Microsoft’s: such an aud is shown like any other', async (t) => {
  t.match(refusalOf('https://graph.microsoft.com')?.detail, /^The token is for "https:\/\/graph\.microsoft\.com", /)
})

const hostile: [what: string, aud: string][] = [
  ['quotes', 'a" , error="none'],
  ['a backslash', 'a\\" b'],
  ['a line break', 'a\r\nSet-Cookie: b=c'],
  ['control characters', 'a\0\u001b[31m\u007f'],
  ['beyond ASCII', 'a\u202e\u00e9\u{1f600}'],
  ['markup is left to the media type, but on one line', '<script>\n</script>']
]

t.test('the contract: a received aud is shown on one line, printable, without what ends a quoted string', async (t) => {
  for (const [what, aud] of hostile) {
    const detail = refusalOf(aud)?.detail ?? ''
    const [, received = ''] = /^The token is for "([^"]*)", and this API is /.exec(detail) ?? []
    t.match(received, /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/, what)
    t.equal(received.startsWith(aud.charAt(0)), true, `${what}: still to be recognised`)
  }
})

t.test('the contract: a received aud is shown length-capped', async (t) => {
  const detailOf = (aud: string) => refusalOf(aud)?.detail ?? ''
  t.equal(detailOf('x'.repeat(10_000)), detailOf('x'.repeat(200)), 'nobody can make the answer longer')
  t.ok(detailOf('x'.repeat(10_000)).length < 400)
  const client = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'
  t.match(detailOf(client), client, 'a client ID is shown whole')
})

t.test('a v1 token with an App ID URI that is not configured: what to change', async (t) => {
  const detail = refusalOf('api://other', base, '1.0')?.detail ?? ''
  for (const said of ['"api://other"', api, 'requestedAccessTokenVersion to 2', 'audiences'])
    t.ok(detail.includes(said), said)
  t.notMatch(refusalOf('api://other', base, '2.0')?.detail, /requestedAccessTokenVersion/, 'no v1 token')
  t.notMatch(refusalOf(client, base, '1.0')?.detail, /requestedAccessTokenVersion/, 'no App ID URI')
  t.match(refusalOf('https://graph.microsoft.com', base, '1.0')?.detail, /Microsoft Graph/, 'Graph by its name')
})

t.test('a v1 token where v2 is expected: a fixed sentence, for the right tenant only', async (t) => {
  const tid = '11111111-2222-4333-8444-555555555555'
  const trusted = `https://login.microsoftonline.com/${tid}/v2.0`
  const hint = (iss: unknown) => versionHint(iss, (name) => name === trusted)
  t.match(hint(`https://sts.windows.net/${tid}/`), /set requestedAccessTokenVersion to 2 in the manifest of the API/)
  const others = [
    `https://sts.windows.net/${client}/`,
    `https://sts.windows.net/${tid}`,
    `https://sts.chinacloudapi.cn/${tid}/`,
    `https://evil.example/${tid}/`,
    trusted,
    undefined,
    null,
    7
  ]
  for (const iss of others) t.equal(hint(iss), undefined, String(iss))
})
