/** Attacks on the form of a token: RFC 7515 §7.1 (compact serialization), RFC 7515 §2 and RFC 4648 §5 (base64url), JSON. */
import { hmac, mint, rsa, segment, withSegment } from './mint.js'
import { get, type Row, rows, type Table } from './row.js'
import type { World } from './world.js'

const malformed = '401 invalid_token token_malformed'
const badHeader = '400 invalid_request authorization_malformed'
const badSignature = '401 invalid_token invalid_signature'
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const parts = (world: World) => {
  const [header = '', payload = '', signature = ''] = world.token().split('.')
  return { header, payload, signature }
}
const cut = (make: (parts: { header: string; payload: string; signature: string }) => string) => (world: World) =>
  make(parts(world))
const changed = (at: 0 | 1 | 2, change: (part: string) => string) => (world: World) =>
  withSegment(world.token(), at, change)
/** Header or payload as this text, signed by the tenant's own key. */
const header = (text: (own: string) => string) => (world: World) =>
  mint(text(JSON.stringify(world.header())), world.user(), rsa(world.keys.main))
const payload = (text: (own: string) => string) => (world: World) =>
  mint(world.header(), text(JSON.stringify(world.user())), rsa(world.keys.main))
const member = (value: string) => (own: string) => `${own.slice(0, -1)},"extra":${value}}`

/** A 2048-bit signature has 342 characters, the last of which holds 2 bits: 16 characters each decode to the same bytes. */
function unusedBitsRows(): Row[] {
  return Array.from({ length: 15 }, (_, at) => ({
    rule: 'RFC 4648 §3.5 unused bits are zero',
    change: `the last character of the signature with unused bits ${(at + 1).toString(2).padStart(4, '0')}`,
    is: malformed,
    token: changed(2, (part) => part.slice(0, -1) + alphabet[(alphabet.indexOf(part.slice(-1)) & 0x30) + at + 1])
  }))
}

function unusedBits(part: string): string {
  const last = alphabet.indexOf(part.slice(-1))
  return part.slice(0, -1) + (alphabet[last ^ 1] ?? '')
}

const segments: Row[] = rows('RFC 7515 §7.1 three segments', malformed, {
  'no separator': cut(({ header }) => header),
  'header alone with a separator': cut(({ header }) => `${header}.`),
  'header and payload without a signature segment': cut(({ header, payload }) => `${header}.${payload}`),
  'payload and signature without a header segment': cut(({ payload, signature }) => `${payload}.${signature}`),
  'four segments, the last empty': cut((p) => `${p.header}.${p.payload}.${p.signature}.`),
  'four segments, the first empty': cut((p) => `.${p.header}.${p.payload}.${p.signature}`),
  'four segments, the last a copy': cut((p) => `${p.header}.${p.payload}.${p.signature}.${p.signature}`),
  'five segments, as a JWE has': cut((p) => `${p.header}.${p.payload}.${p.signature}.${p.payload}.${p.header}`),
  'six segments': (world) => `${world.token()}.${world.token()}`,
  'the separators doubled': cut((p) => `${p.header}..${p.payload}..${p.signature}`),
  'an empty header': cut((p) => `.${p.payload}.${p.signature}`),
  'an empty payload': cut((p) => `${p.header}..${p.signature}`),
  'an empty header and payload': cut((p) => `..${p.signature}`),
  'only separators': () => '..',
  'one separator': () => '.',
  'a hundred separators': () => '.'.repeat(100),
  'reversed text': (world) => [...world.token()].reverse().join(''),
  'the token twice without a separator': (world) => world.token() + world.token(),
  'a dash for the separators': (world) => world.token().replaceAll('.', '-'),
  'a tilde after the token, as an SD-JWT has': (world) => `${world.token()}~`,
  'a word': () => 'access-token-of-somebody',
  // Not of the form that request IDs have, as these are logged, and a few characters in a row may be the same.
  'a GUID': () => 'bbbbbbbb-cccc-1ddd-7eee-ffffffffffff',
  'one character': () => 'x',
  'an opaque refresh token in the form of Entra': () => `1.AXkAq0.AgABAwEAAADnfolh.${'QmFzZTY0'.repeat(40)}`,
  'an opaque refresh token of a personal account': () => `M.C5${'40_BAY.0.U.-Cq'.repeat(9)}`
})

const encoding: Row[] = [
  ...rows('RFC 7515 §2 base64url without padding', badHeader, {
    'padding after the header': changed(0, (part) => `${part}=`),
    'padding after the payload': changed(1, (part) => `${part}==`),
    'padding before the token': (world) => `=${world.token()}`
  }),
  ...rows('RFC 7515 §2 base64url without padding', malformed, {
    'padding after the signature': (world) => `${world.token()}=`,
    'two padding characters after the signature': (world) => `${world.token()}==`,
    'twenty padding characters after the signature': (world) => `${world.token()}${'='.repeat(20)}`
  }),
  ...rows('RFC 4648 §5 the alphabet of base64url', malformed, {
    'the header with a plus': changed(0, (part) => `${part}+`),
    'the payload with a slash': changed(1, (part) => `${part}/`),
    'the payload with a tilde': changed(1, (part) => `${part.slice(0, 9)}~${part.slice(9)}`),
    'the signature with a plus': changed(2, (part) => `+${part.slice(1)}`),
    'the signature with a slash': changed(2, (part) => `${part.slice(0, -1)}/`),
    'the signature with a tilde inside': changed(2, (part) => `${part.slice(0, 99)}~${part.slice(99)}`),
    'the whole signature in the alphabet of base64': changed(2, (part) => `${part.slice(1).replaceAll('-', '+')}/`)
  }),
  ...rows('RFC 6750 §2.1 b64token', badHeader, {
    'a space inside the signature': changed(2, (part) => `${part.slice(0, 99)} ${part.slice(99)}`),
    'a space after the header': changed(0, (part) => `${part} `),
    'a tab inside the payload': changed(1, (part) => `${part.slice(0, 9)}\t${part.slice(9)}`),
    'a comma after the token': (world) => `${world.token()},`,
    'double quotes around the token': (world) => `"${world.token()}"`,
    'single quotes around the token': (world) => `'${world.token()}'`,
    'angle brackets, as documentation has': (world) => `<${world.token()}>`,
    'braces, as a template has': (world) => `{${world.token()}}`,
    'a percent-encoded separator': (world) => world.token().replaceAll('.', '%2E'),
    'a semicolon and a parameter': (world) => `${world.token()};v=1`,
    'a backslash inside the signature': changed(2, (part) => `${part.slice(0, 9)}\\${part.slice(9)}`),
    'a star after the token': (world) => `${world.token()}*`,
    'a colon inside, as Basic credentials have': (world) => `user:${world.token()}`,
    'undefined between brackets': () => '[undefined]',
    'the token as an auth-param': (world) => `token="${world.token()}"`
  }),
  ...rows('RFC 7515 §5.2 the signature covers the text of the segments', badSignature, {
    'unused bits of the header': (world) =>
      withSegment(world.token({}, { x5t: 'k' }), 0, (part) => (part.length % 4 === 0 ? `${part}A` : unusedBits(part))),
    'the payload with one more character': changed(1, (part) => `${part}A`),
    'white space inside the header, encoded': cut(
      ({ header, payload, signature }) => `${segment(`${Buffer.from(header, 'base64url')} `)}.${payload}.${signature}`
    ),
    'white space inside the payload, encoded': cut(
      ({ header, payload, signature }) => `${header}.${segment(` ${Buffer.from(payload, 'base64url')}`)}.${signature}`
    )
  }),
  ...rows('RFC 4648 §3.5 one spelling for each value', malformed, {
    'one character more at the end of the signature, with unused bits': changed(2, (part) => `${part}B`),
    'three characters more at the end of the signature, five bits each unused': changed(2, (part) => `${part}AAA`)
  }),
  ...unusedBitsRows()
]

/** A good token whose name holds these bytes. */
const signedBytes = (bytes: Buffer) => (world: World) => {
  const [before = '', after = ''] = JSON.stringify(world.user({ name: '@' })).split('@')
  const claims = Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]).toString('base64url')
  const input = `${segment(world.header())}.${claims}`
  return `${input}.${rsa(world.keys.main)(input)}`
}

const json: Row[] = [
  ...rows('RFC 7515 §4 the header is a JSON object', malformed, {
    'not JSON': header(() => 'not json'),
    'cut off': header((own) => own.slice(0, -1)),
    'text after it': header((own) => `${own}x`),
    'two objects': header((own) => own + own),
    'a trailing comma': header((own) => `${own.slice(0, -1)},}`),
    'single quotes': header((own) => own.replaceAll('"', "'")),
    'a comment': header((own) => `/**/${own}`),
    'a byte order mark': header((own) => `\ufeff${own}`),
    'a NUL after it': header((own) => `${own}\0`),
    'an array': header((own) => `[${own}]`),
    'a string': header((own) => JSON.stringify(own)),
    'a number': header(() => '1'),
    true: header(() => 'true'),
    null: header(() => 'null'),
    'an empty array': header(() => '[]'),
    undefined: header(() => 'undefined'),
    'UTF-16': header((own) => [...own].join('\0')),
    'an unescaped line break in a string': header((own) => own.replace('RS256', 'RS256\n')),
    'nested 6000 deep without an end': header(() => '['.repeat(6000)),
    'random bytes': (world) => withSegment(world.token(), 0, () => Buffer.alloc(60, 0xf7).toString('base64url'))
  }),
  ...rows('RFC 7519 §7.2 the payload is UTF-8', malformed, {
    'a byte that is none': signedBytes(Buffer.from([0xff])),
    'half a character': signedBytes(Buffer.from([0xc3])),
    'an overlong slash': signedBytes(Buffer.from([0xc0, 0xaf])),
    'a surrogate': signedBytes(Buffer.from([0xed, 0xa0, 0x80]))
  }),
  ...rows('control: RFC 7519 §7.2 the payload is UTF-8', '200', {
    'a character of four bytes': signedBytes(Buffer.from('😀'))
  }),
  ...rows('RFC 7519 §7.2 the payload is a JSON object', malformed, {
    'not JSON': payload(() => 'not json'),
    'cut off': payload((own) => own.slice(0, -1)),
    'text after it': payload((own) => `${own}x`),
    'two objects': payload((own) => own + own),
    'a trailing comma': payload((own) => `${own.slice(0, -1)},}`),
    'single quotes': payload((own) => own.replaceAll('"', "'")),
    'a byte order mark': payload((own) => `\ufeff${own}`),
    'a NUL after it': payload((own) => `${own}\0`),
    'an array of claims': payload((own) => `[${own}]`),
    'JSON inside a string': payload((own) => JSON.stringify(own)),
    'a number': payload(() => '1'),
    true: payload(() => 'true'),
    null: payload(() => 'null'),
    'an empty array': payload(() => '[]'),
    'an empty string': payload(() => '""'),
    'NaN as a time': payload((own) => own.replace(/"exp":\d+/, '"exp":NaN')),
    'a hexadecimal time': payload((own) => own.replace(/"exp":\d+/, '"exp":0xffffffff')),
    'a time with a plus': payload((own) => own.replace(/"exp":(\d+)/, '"exp":+$1')),
    'a time with a leading zero': payload((own) => own.replace(/"exp":(\d+)/, '"exp":0$1')),
    'a form': payload(() => 'iss=a&aud=b&exp=1'),
    'XML, as a SAML token': payload(() => '<saml:Assertion/>'),
    'nested 6000 deep without an end': payload(() => '['.repeat(6000)),
    'a nested token (RFC 7519 §5.2)': payload((own) => `${segment('{"alg":"none"}')}.${segment(own)}.`),
    'deflated (zip is of a JWE)': payload(() => 'x\u009c\u00abVJ,-\u00c9')
  })
]

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const listOf = (count: number, value: (at: number) => string) =>
  `[${Array.from({ length: count }, (_, at) => value(at)).join()}]`
const objectOf = (count: number) => `{${listOf(count, (at) => `"${at.toString(36)}":0`).slice(1, -1)}}`

/** Signed by the tenant, so that nothing else is wrong with them. */
const bounded: Row[] = [
  ...rows('RFC 8259 §9 a limit to depth', malformed, {
    'a payload nested 33 deep': payload(member(nested(32))),
    'a payload nested 500 deep': payload(member(nested(500))),
    'a payload nested 5000 deep': payload(member(nested(5000))),
    'objects, 33 deep': payload(member(`${'{"a":'.repeat(32)}0${'}'.repeat(32)}`)),
    'objects and arrays, 1000 deep': payload(member(`${'[{"a":'.repeat(500)}0${'}]'.repeat(500)}`)),
    'a header nested 33 deep': header(member(nested(32))),
    'a claim that is read nested 40 deep': (world) =>
      world.token({ roles: Array.from({ length: 40 }).reduce<unknown>((inner) => [inner], 'Admin') })
  }),
  ...rows('RFC 8259 §9 a limit to size', malformed, {
    '501 members': payload(member(objectOf(501))),
    '1,100 lists': payload(member(listOf(1100, () => '[]'))),
    '1,100 objects': payload(member(listOf(1100, () => '{}'))),
    '501 objects of one member': payload(member(listOf(501, () => '{"":0}'))),
    '4,000 numbers': payload(member(listOf(4000, () => '0'))),
    '2,001 strings': payload(member(listOf(2001, () => '""'))),
    '501 members of the header': header(member(objectOf(501)))
  })
]

/** Sent in place of the compact token; what must not be seen again is the token itself. */
function jsonForms(): Row[] {
  const forms: Record<string, (parts: readonly string[]) => object> = {
    flattened: ([header, payload, signature]) => ({ protected: header, payload, signature }),
    general: ([header, payload, signature]) => ({ payload, signatures: [{ protected: header, signature }] })
  }
  return Object.entries(forms).map(([change, toForm]) => ({
    rule: 'RFC 7515 §7.2 the JSON serialization is for no header',
    change,
    is: badHeader,
    send: (token) => get('/me', `Authorization: Bearer ${JSON.stringify(toForm(token.split('.')))}`)
  }))
}

const repeated: Row[] = [
  ...rows('RFC 7515 §4 names of header parameters are unique', malformed, {
    'alg none before alg': header((own) => own.replace('{', '{"alg":"none",')),
    'alg twice, the same': header((own) => own.replace('{', '{"alg":"RS256",')),
    'kid of another key before kid': header((own) => own.replace('{', '{"kid":"key-clash",')),
    'alg, once with an escape': header((own) => own.replace('{', '{"\\u0061lg":"none",'))
  }),
  // The last of them is the one that is read, and it alone is reason enough.
  ...rows('RFC 7515 §4 names of header parameters are unique', '401 invalid_token wrong_algorithm', {
    'alg none after alg': header((own) => own.replace('}', ',"alg":"none"}'))
  }),
  ...rows('RFC 7515 §4 names of header parameters are unique', '401 invalid_token unknown_key', {
    'a kid that is unknown after kid': header((own) => own.replace('}', ',"kid":"nowhere"}'))
  }),
  ...rows('RFC 7519 §4 names of claims are unique', malformed, {
    'aud of another API before aud': payload((own) => own.replace('{', '{"aud":"https://other.example",')),
    'aud of another API after aud': payload((own) => `${own.slice(0, -1)},"aud":"https://other.example"}`),
    'exp that has passed before exp': payload((own) => own.replace('{', '{"exp":1,')),
    'iss of an attacker before iss': payload((own) => own.replace('{', '{"iss":"https://attacker.example",')),
    'sub twice, the same': payload((own) => own.replace('{', '{"sub":"pairwise-subject",')),
    'roles, once with an escape': payload((own) => own.replace('{', '{"roles":["Admin"],"r\\u006fles":[],')),
    'names twice, far apart': payload((own) => own.replace('{', `{"scp":"Admin","filler":"${'x'.repeat(3000)}",`)),
    'beside strings that hold braces and quotes': payload((own) =>
      own.replace('{', '{"a":"}\\"{,\\"sub\\":","tid":"x",')
    )
  }),
  ...rows('control: RFC 8259 §4 names are unique within one object', '200', {
    'the same name in two objects': payload(member('{"aud":1,"exp":{"aud":2}}')),
    'a name inside a string': payload(member('"{\\"aud\\":1,\\"aud\\":2}"')),
    'the same text as name and value': payload((own) => own.replace('{', '{"x":"x","y":["x","x"],'))
  })
]

const otherForms: Row[] = [
  ...rows('RFC 8725 §3.1 the header comes first', '401 invalid_token wrong_algorithm', {
    "payload and header in each other's place": cut((p) => `${p.payload}.${p.header}.${p.signature}`)
  }),
  ...rows('RFC 7516 §3.1 a JWE is no JWS', malformed, {
    'RSA-OAEP, five segments': (world) =>
      [segment(world.header({ alg: 'RSA-OAEP', enc: 'A256GCM' })), 'a2V5', 'aXY', segment(world.user()), 'dGFn'].join(
        '.'
      ),
    'dir, an empty key': (world) =>
      [segment(world.header({ alg: 'dir', enc: 'A128GCM' })), '', 'aXY', segment(world.user()), 'dGFn'].join('.')
  }),
  ...jsonForms(),
  ...rows('RFC 7515 §7.2 the JSON serialization is for no header', malformed, {
    'flattened, in base64url': cut((p) => segment({ protected: p.header, payload: p.payload, signature: p.signature }))
  }),
  {
    rule: 'RFC 7515 §5.2 a signature must fit whatever the size',
    change: '11 KB of payload, signed with another key',
    is: badSignature,
    token: (world) => world.token({ extra: 'x'.repeat(8000) }, {}, rsa(world.keys.stranger))
  },
  {
    rule: 'RFC 7515 §5.2 a signature must fit whatever the size',
    change: '8 KB of signature',
    is: badSignature,
    token: (world) => withSegment(world.token(), 2, () => 'QUJD'.repeat(2048))
  },
  {
    rule: 'RFC 7519 §2 NumericDate',
    change: 'exp of 400 digits',
    is: '401 invalid_token invalid_claim',
    token: payload((own) => own.replace(/"exp":\d+/, `"exp":${'9'.repeat(400)}`))
  },
  {
    rule: 'RFC 9110 §5.4 a limit to the size of headers',
    change: 'a token of 17 KB',
    is: '431 x headers_too_large',
    token: (world) => world.token({ extra: 'x'.repeat(12_000) })
  },
  {
    rule: 'RFC 9110 §5.4 a limit to the size of headers',
    change: 'a token of 100 KB',
    is: '431 x headers_too_large',
    token: (world) => world.token({ extra: 'x'.repeat(75_000) })
  },
  ...rows('control: what JSON and JWS allow', '200', {
    'a payload nested 32 deep': payload(member(nested(31))),
    '300 lists side by side': payload(member(listOf(300, () => '[]'))),
    '200 groups': (world) =>
      world.token({ groups: Array.from({ length: 200 }, () => '77777777-8888-4999-8aaa-bbbbbbbbbbbb') }),
    '1,500 roles': (world) => world.token({ extra: Array.from({ length: 1500 }, (_, at) => at.toString(36)) }),
    'clients of Keycloak with roles, 200 of them': (world) =>
      world.token({
        extra: Object.fromEntries(
          Array.from({ length: 200 }, (_, at) => [`client-${at}`, { roles: ['user', 'admin'] }])
        )
      }),
    '3,000 brackets in a string': payload(member(`"${'[{'.repeat(1500)}"`)),
    'a number of 300 digits in an unknown claim': payload(member('9'.repeat(300))),
    '1e999 in an unknown claim': payload(member('1e999')),
    'a payload of 8 KB': (world) => world.token({ extra: 'x'.repeat(8000) }),
    'white space around the payload': payload((own) => ` \n\t${own}\r\n`),
    'escapes in a name': payload((own) => own.replace('"aud"', '"\\u0061ud"')),
    'a claim named __proto__': payload((own) => own.replace('{', '{"__proto__":{"scp":"x"},')),
    'members of the header in another order': (world) =>
      mint(Object.fromEntries(Object.entries(world.header()).reverse()), world.user(), rsa(world.keys.main))
  }),
  ...rows('RFC 7515 §5.2 the signature must be there', '401 invalid_token invalid_signature', {
    'an empty signature': cut((p) => `${p.header}.${p.payload}.`)
  }),
  ...rows('RFC 8725 §2.1 no HMAC under RS256', badSignature, {
    'an HMAC of the modulus as the signature': (world) =>
      world.token({}, {}, hmac(String(world.keys.main.export({ format: 'jwk' }).n)))
  })
]

export const structure: Table = [...segments, ...encoding, ...json, ...bounded, ...repeated, ...otherForms]
