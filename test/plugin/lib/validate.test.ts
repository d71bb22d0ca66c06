import t from 'tap'
import { EntraConfigurationError } from '../../../src/plugin/lib/configuration-error.js'
import { matching, shown, texts, within, withoutPassword } from '../../../src/plugin/lib/validate.js'

/** What a check throws, or fails the test by not throwing. */
function messageOf(check: () => unknown): string {
  try {
    const value = check()
    return `accepted: ${String(value)}`
  } catch (error) {
    return error instanceof EntraConfigurationError ? error.message : `another error: ${error}`
  }
}

const bounds = { least: 1, most: 60, default: 5 }

t.test('within: just enough, and just too little', async (t) => {
  for (const value of [1, 60, 1.5]) t.equal(within('n', value, bounds), value)
  t.equal(within('n', undefined, bounds), 5, 'the default where nothing is given')
  t.equal(within('n', 0, { ...bounds, least: 0 }), 0, 'zero is a number, and not the default')
})

const noNumbers: [value: unknown, shown: string][] = [
  [0.999, '0.999'],
  [60.001, '60.001'],
  [-1, '-1'],
  [0, '0'],
  ['5', '"5"'],
  ['', '""'],
  [true, 'true'],
  [null, 'null'],
  [[5], '[5]'],
  [NaN, 'NaN'],
  [Infinity, 'Infinity'],
  [-Infinity, '-Infinity']
]

t.test('within: everything else throws, and names the option, the value and the bounds', async (t) => {
  for (const [value, isShown] of noNumbers) {
    const message = messageOf(() => within('keysTimeoutSeconds', value, bounds))
    t.equal(message, `keysTimeoutSeconds ${isShown} is not allowed; give a number of seconds from 1 to 60`)
  }
})

t.test('texts: one string or more, in their order', async (t) => {
  t.strictSame(texts('n', ['b', 'a']), ['b', 'a'])
  const given = ['a']
  const taken = texts('n', given)
  given.push('b')
  t.strictSame(taken, ['a'], 'the caller’s array is the caller’s')
  t.ok(Object.isFrozen(taken))
  // VCHAR of RFC 5234 but for " and \, which end or escape within a quoted-string (RFC 9110 §5.6.4).
  t.strictSame(texts('n', ["!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~"]).length, 1)
})

const noTexts: [what: string, values: unknown][] = [
  ['none', []],
  ['an empty one', ['']],
  ['an empty one among others', ['a', '']],
  ['a space', ['a b']],
  ['only spaces', [' ']],
  ['a quote', ['a"b']],
  ['a backslash', ['a\\b']],
  ['a line break', ['a\nb']],
  ['delete', ['a\u007f']],
  ['beyond ASCII', ['\u00e9']],
  ['a number', [1]],
  ['a string', 'abc'],
  ['a set', new Set(['a'])],
  ['nothing', undefined],
  ['null', null]
]

t.test('texts: everything else throws, and names the option', async (t) => {
  for (const [what, values] of noTexts) {
    const message = messageOf(() => texts('audience', values))
    t.match(message, /^audience .+ is not allowed; give /, what)
    t.notMatch(message, /[\r\n]/, `${what}: on one line`)
  }
})

t.test('matching', async (t) => {
  const check = (value: unknown) => () => matching('clientId', value, /^a+$/, 'some a')
  t.equal(check('aa')(), 'aa')
  t.equal(messageOf(check(undefined)), 'clientId is missing; give some a')
  t.equal(messageOf(check('')), 'clientId is missing; give some a')
  t.equal(messageOf(check('b')), 'clientId "b" is not allowed; give some a')
  t.equal(
    messageOf(check(['a'])),
    'clientId ["a"] is not allowed; give some a',
    'an array is no string, though it reads as one'
  )
  t.equal(messageOf(check(null)), 'clientId null is not allowed; give some a')
})

const circular: Record<string, unknown> = {}
circular.self = circular

const values: [value: unknown, is: string | RegExp][] = [
  ['a', /^"a"$/],
  ['a\n"b', /^"a\\n\\"b"$/],
  [1, /^1$/],
  [null, /^null$/],
  [undefined, /^undefined$/],
  [NaN, /^NaN$/],
  [Infinity, /^Infinity$/],
  [1n, /bigint/],
  [Symbol('s'), /^Symbol\(s\)$/],
  [circular, /./],
  [['a', 1], /^\["a",1\]$/]
]

t.test('shown: any value can be named in a sentence, as what it is', async (t) => {
  for (const [value, is] of values) {
    try {
      t.match(shown(value), is)
    } catch (error) {
      t.fail(`a check must throw its own sentence, not ${error}`)
    }
  }
})

/** None of these may show any three characters in a row of the password. */
const withPasswords: [text: string, is: string][] = [
  ['https://user:s3cr3t@graph.example', 'https://…@graph.example'],
  ['https://user:s3cr3t@graph.example/path?query', 'https://…@graph.example/path?…'],
  ['https://:s3cr3t@graph.example', 'https://…@graph.example'],
  ['https://user:s3@cr3t@graph.example', 'https://…@graph.example'],
  ['https://user:s3/cr3t@graph.example', 'https://…@graph.example'],
  ['https://user:s3?cr#3t@graph.example', 'https://…@graph.example'],
  ['https://user:s3"cr\'3t\\@graph.example', 'https://…@graph.example'],
  ['https://user:s3 cr3t\n@graph.example', 'https://…@graph.example'],
  ['HTTPS://user:s3cr3t@graph.example', 'HTTPS://…@graph.example'],
  ['https:/user:s3cr3t@graph.example', 'https:/…@graph.example'],
  ['https:\\\\user:s3cr3t@graph.example', 'https:\\\\…@graph.example'],
  ['user:s3cr3t@graph.example', '…@graph.example'],
  ['//user:s3cr3t@graph.example', '…@graph.example'],
  ['https://a.example,https://user:s3cr3t@b.example', 'https://…@b.example'],
  ['https://user:s3cr3t@a.example,https://b.example', 'https://…@a.example,https://b.example'],
  ['redis://default:s3,cr3t@cache:6379/0', 'redis://…@cache:6379/0'],
  ['https://user:s3cr3t', 'https://user:…'],
  ['https://user:s3cr3t/x', 'https://user:…'],
  ['https://user:80s3cr3t', 'https://user:…'],
  ['https://user:s3cr3t%40graph.example', 'https://…%40graph.example'],
  ['https://s3cr3t@graph.example', 'https://…@graph.example'],
  ['https://user%3As3cr3t@graph.example', 'https://…@graph.example'],
  ['https://user%3As3cr3t%40graph.example', 'https://…%40graph.example'],
  ['user%3As3cr3t%40graph.example', '…%40graph.example'],
  ['https://graph.example?api_key=s3cr3t', 'https://graph.example?…'],
  ['https://graph.example/path?s3cr3t#s3cr3t', 'https://graph.example/path?…'],
  ['https://graph.example#s3cr3t', 'https://graph.example#…'],
  ['https://a.example,https://b.example?s3cr3t', 'https://a.example,https://b.example?…']
]

const withoutAny = [
  ...[
    'https://graph.example',
    'https://graph.example:8443/path',
    'http://[::1]:4000',
    'http://127.0.0.1:4000,http://a:1'
  ],
  ...['user@contoso.example', 'api://66666666-7777-4888-8999-aaaaaaaaaaaa', 'urn:example:api'],
  ...['a:b', '*', '', 'null', '10.0.0.0/8', 'fd00::/8', 'common']
]

t.test('RFC 3986 §3.2.1: a password in a URL is not shown', async (t) => {
  for (const [text, is] of withPasswords) {
    t.equal(withoutPassword(text), is)
    t.equal(withoutPassword(is), is, 'once is enough')
    for (const value of [text, [text], [['a', text]], { authority: text }, { a: { b: [text] } }])
      t.notMatch(shown(value), /s3["'/@?,\\ ]*cr|80s/, text)
  }
  for (const text of withoutAny) t.equal(withoutPassword(text), text)
})

t.test('credentials are not shown, wherever they were put', async (t) => {
  const names = [
    'clientSecret',
    'client_secret',
    'clientCertificate',
    'privateKey',
    'password',
    'downstream',
    'clientAssertion'
  ]
  for (const name of names) t.notMatch(shown([{ tenantId: 'a', [name]: 's3cr3t' }]), 's3cr3t', name)
  t.match(shown([{ tenantId: 'a', clientSecret: 's' }]), '"tenantId":"a"')
})
