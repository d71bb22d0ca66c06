import t from 'tap'
import { list, oneOf } from '../../../src/plugin/environment/values.js'
import { EntraConfigurationError } from '../../../src/plugin/index.js'
import { integer, origins, secure, toClientId, toOrigin, toTrustProxy } from '../../../src/server/config/variables.js'

/** The value, or the sentence that refuses the text. */
function read<T>(make: () => T): T | string {
  try {
    return make()
  } catch (error) {
    return error instanceof EntraConfigurationError ? error.message : `another error: ${error}`
  }
}

const levels = ['info', 'error'] as const

const values: [rule: string, make: () => unknown, is: unknown][] = [
  ['values parted by commas', () => list('a,b'), ['a', 'b']],
  ['without the spaces around them', () => list(' a , b c '), ['a', 'b c']],
  ['nothing is no value', () => list(',a,, ,'), ['a']],
  ['unset', () => list(), []],
  ['empty', () => list(''), []],

  ['a whole number', () => integer('N', '80', 65_535), 80],
  ['nought', () => integer('N', '0', 65_535), 0],
  ['the most', () => integer('N', '65535', 65_535), 65_535],
  ['leading zeros do not make it octal', () => integer('N', '010', 65_535), 10],

  ['one of the words', () => oneOf('N', 'error', levels), 'error'],

  ['RFC 6749 §A.1: a client ID', () => toClientId('N', 'a-1_.~!'), 'a-1_.~!'],
  ['no client ID', () => toClientId('N'), undefined],
  ['an empty one is none', () => toClientId('N', ''), undefined],

  ['RFC 6454 §6.2: an origin', () => toOrigin('N', 'https://app.example'), 'https://app.example'],
  ['RFC 6454 §6.2: with a port', () => toOrigin('N', 'http://localhost:5173'), 'http://localhost:5173'],
  [
    'RFC 6454 §6.2: several',
    () => origins('N', 'https://a.example, https://b.example'),
    [...['https://a.example', 'https://b.example']]
  ],
  ['unset: none', () => origins('N'), []],
  ['empty: none', () => origins('N', ''), []],

  ['https', () => secure('N', 'https://graph.example'), 'https://graph.example'],
  ['http on loopback: RFC 1122 §3.2.1.3', () => secure('N', 'http://127.0.0.1:4000'), 'http://127.0.0.1:4000'],
  ['http on loopback: RFC 6761 §6.3', () => secure('N', 'http://localhost:4000'), 'http://localhost:4000'],

  ['on', () => toTrustProxy('on'), true],
  ['off', () => toTrustProxy('off'), false],
  ['an address', () => toTrustProxy('10.0.0.1'), ['10.0.0.1']],
  ['RFC 4632 §3.1: networks', () => toTrustProxy('10.0.0.0/8, 192.168.0.1/32'), ['10.0.0.0/8', '192.168.0.1/32']],
  ['RFC 4632 §3.1: the longest and the shortest', () => toTrustProxy('0.0.0.0/0,::/128'), ['0.0.0.0/0', '::/128']],
  ['RFC 4291 §2.3: of IPv6', () => toTrustProxy('fd00::/8'), ['fd00::/8']]
]

t.test('what passes', async (t) => {
  for (const [rule, make, is] of values) t.strictSame(read(make), is, rule)
})

const number = (text: string) => () => integer('N', text, 65_535)
const word = (text: string) => () => oneOf('N', text, levels)
const origin = (text: string) => () => toOrigin('N', text)
const proxy = (text: string) => () => toTrustProxy(text)

const refused: [rule: string, text: string, make: (text: string) => () => unknown][] = [
  ['one more than the most', '65536', number],
  ['a negative one', '-1', number],
  ['a fraction', '80.5', number],
  ['hexadecimal', '0x50', number],
  ['with an exponent', '1e3', number],
  ['a letter', '80a', number],
  ['spaces', ' 80', number],
  ['a line break', '80\n', number],
  ['other digits', '٨٠', number],
  ['empty', '', number],

  ['another word', 'loud', word],
  ['a word has a case', 'INFO', word],
  ['spaces', 'info ', word],
  ['what every list has', 'length', word],
  ['empty', '', word],

  ['no URL', 'app.example', origin],
  ['RFC 6454 §6.2: no slash', 'https://app.example/', origin],
  ['RFC 6454 §6.2: no path', 'https://app.example/a', origin],
  ['RFC 6454 §6.2: no user', 'https://user@app.example', origin],
  ['RFC 6454 §6.2: no default port', 'https://app.example:443', origin],
  ['RFC 6454 §4: lower case', 'https://App.example', origin],
  ['RFC 6454 §7.1: null is nobody’s', 'null', origin],
  ['RFC 6454 §4: a file has none', 'file:///etc', origin],
  ['anybody’s', '*', origin],
  ['spaces', ' https://app.example', origin],
  ['empty', '', origin],
  ['one of several', 'nonsense', (text) => () => origins('N', `https://a.example,${text}`)],
  ['a list of nothing', '', (text) => () => origins('N', `${text},`)],

  ['http beyond loopback', 'http://graph.example', (text) => () => secure('N', text)],
  ['another scheme', 'ftp://127.0.0.1', (text) => () => secure('N', text)],

  ['how many hops: anybody can send that many', '1', proxy],
  ['true is no word', 'true', proxy],
  ['a word has a case', 'ON', proxy],
  ['on beside others', 'on,10.0.0.1', proxy],
  ['a name of Fastify’s', 'loopback', proxy],
  ['a name', 'proxy.example', proxy],
  ['RFC 4632 §3.1: 32 bits', '10.0.0.0/33', proxy],
  ['RFC 4291 §2.3: 128 bits', '::1/129', proxy],
  ['RFC 4632 §3.1: bits are a number', '10.0.0.0/', proxy],
  ['RFC 4632 §3.1: bits are no mask', '10.0.0.0/255.0.0.0', proxy],
  ['RFC 4632 §3.1: bits are not negative', '10.0.0.0/-1', proxy],
  ['RFC 4632 §3.1: once', '10.0.0.0/8/8', proxy],
  ['one of several', '10.0.0.1,everyone', proxy],
  ['a list of nothing', ',', proxy],
  ['empty', '', proxy]
]

t.test('what does not: one sentence that names the variable, the text and the fix', async (t) => {
  for (const [rule, text, make] of refused) {
    const sentence = String(read(make(text)))
    const name = make === proxy ? 'TRUST_PROXY' : 'N'
    t.ok(
      sentence.startsWith(
        `${name} "${text.replace('user@', '…@').replace(/([?#])\w.*$/, '$1…')}" is not allowed; give `
      ),
      `${rule}: ${sentence}`
    )
  }
})

t.test('a password in a text is not shown, whichever variable it was put into', async (t) => {
  const text = 'https://user:s3cr3t@app.example'
  const makes = [number, word, origin, proxy, (each: string) => () => toClientId('N', `${each} `)]
  for (const make of makes)
    t.match(read<unknown>(make(text)), /^\w+ "https:\/\/…@app\.example ?" is not allowed; give /)
  t.match(
    read(() => secure('N', 'http://user:s3cr3t@graph.example')),
    /^N "http:\/\/…@graph\.example" is not/
  )
  for (const list of [
    `https://a.example,${text}`,
    'https://user:s3,cr3t@app.example',
    'https://user:80,s3cr3t@app.example'
  ])
    t.match(
      read(() => origins('N', list)),
      /^N "https:\/\/…@app\.example" is not allowed; give /
    )
})
