/** Attacks on the signature and its key: RFC 8017 §8.2.2, RFC 7515 §5.2, RFC 7517 §4, RFC 7518 §3.3. */
import { createHash, type KeyObject } from 'node:crypto'
import { mint, pss, rawRsa, rsa, withSegment } from './mint.js'
import { type Row, rows, type Table } from './row.js'
import { longKid, otherTenantId, type World } from './world.js'

const bad = '401 invalid_token invalid_signature'
const unknownKey = '401 invalid_token unknown_key'

/** DigestInfo of SHA-256 and its relatives (RFC 8017 §9.2, notes 1). */
const sha256Info = '3031300d060960864801650304020105000420'
const infos = {
  'without NULL': '302f300b0609608648016503040201' + '0420',
  'of SHA-1': '3021300906052b0e03021a05000414',
  'of SHA-384 over a SHA-256 digest': '3041300d060960864801650304020205000430',
  'of MD5': '3020300c06082a864886f70d020505000410',
  'with a BER long-form length': '308131300d060960864801650304020105000420',
  'with a wrong outer length': '3032300d060960864801650304020105000420',
  'with parameters other than NULL': '3033300f0609608648016503040201020201000420',
  'with a bit string': '3031300d060960864801650304020105000320'
}

const digest = (input: string, algorithm = 'sha256') => createHash(algorithm).update(input).digest()
const hex = (text: string) => Buffer.from(text, 'hex')

/** EMSA-PKCS1-v1_5 with something wrong in it: fills with 0xff up to 256 bytes unless told how much. */
function block(start: string, tail: Buffer, filling = 256 - start.length / 2 - 1 - tail.length, end = '00'): Buffer {
  const whole = Buffer.concat([hex(start), Buffer.alloc(filling, 0xff), hex(end), tail])
  return Buffer.concat([whole, Buffer.alloc(Math.max(0, 256 - whole.length))]).subarray(0, 256)
}

const tail = (input: string) => Buffer.concat([hex(sha256Info), digest(input)])
/** The private key's own work on a block that is not as it must be. */
const padded = (make: (input: string) => Buffer) => (world: World) => world.token({}, {}, rawRsa(world.keys.main, make))

const padding: Row[] = [
  ...rows('RFC 8017 §8.2.2 the padding of RSASSA-PKCS1-v1_5', bad, {
    'no run of 0xff, garbage at the end': padded((input) => block('0001', tail(input), 0)),
    'eight bytes of 0xff, garbage at the end': padded((input) => block('0001', tail(input), 8)),
    'one byte of 0xff too few, one zero at the end': padded((input) => block('0001', tail(input), 201)),
    'block type 2': padded((input) => block('0002', tail(input))),
    'block type 0': padded((input) => block('0000', tail(input))),
    'no leading zero, the run begins at once': padded((input) => block('00', tail(input))),
    'no zero after the run': padded((input) => block('0001', tail(input), undefined, 'ff')),
    'two zeros after the run': padded((input) => block('0001', tail(input), 201, '0000')),
    'a zero inside the run': padded((input) => {
      const whole = block('0001', tail(input))
      whole[100] = 0
      return whole
    }),
    'one byte of the run is 0xfe': padded((input) => {
      const whole = block('0001', tail(input))
      whole[2] = 0xfe
      return whole
    }),
    'the digest alone, without DigestInfo': padded((input) => block('0001', digest(input))),
    'the digest alone in the lowest bytes': padded((input) => Buffer.concat([Buffer.alloc(224), digest(input)])),
    'the digest in hexadecimal': padded((input) =>
      block('0001', Buffer.concat([hex(sha256Info), Buffer.from(digest(input).toString('hex'))]))
    ),
    'a digest of SHA-1 under a DigestInfo of SHA-256': padded((input) =>
      block('0001', Buffer.concat([hex(sha256Info), digest(input, 'sha1')]))
    ),
    'the digest of another text': padded((input) => block('0001', tail(`${input}x`))),
    'the digest cut by one byte': padded((input) => block('0001', tail(input).subarray(0, -1))),
    'garbage inside DigestInfo': padded((input) =>
      block('0001', Buffer.concat([hex(sha256Info), digest(input), Buffer.alloc(16, 1)]))
    )
  }),
  ...Object.entries(infos).map(([name, info]) => ({
    rule: 'RFC 8017 §9.2 DigestInfo',
    change: `a DigestInfo ${name}`,
    is: bad,
    token: padded((input) => {
      const by = name === 'of SHA-1' ? 'sha1' : name === 'of MD5' ? 'md5' : 'sha256'
      return block('0001', Buffer.concat([hex(info), digest(input, by)]))
    })
  })),
  ...rows('control: RFC 8017 §9.2', '200', {
    'the block as it must be, made by hand': padded((input) => block('0001', tail(input)))
  })
]

const bytes = (change: (signature: Buffer) => Buffer) => (world: World) =>
  withSegment(world.token(), 2, (part) => change(Buffer.from(part, 'base64url')).toString('base64url'))
const flipped = (at: number) =>
  bytes((signature) => {
    const copy = Buffer.from(signature)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  })

const values: Row[] = rows('RFC 8017 §8.2.2 the value of the signature', bad, {
  'cut by one byte': bytes((signature) => signature.subarray(0, -1)),
  'cut to a half': bytes((signature) => signature.subarray(0, 128)),
  'cut to one byte': bytes((signature) => signature.subarray(0, 1)),
  'without its first byte': bytes((signature) => signature.subarray(1)),
  'one zero byte before it': bytes((signature) => Buffer.concat([Buffer.alloc(1), signature])),
  'one zero byte after it': bytes((signature) => Buffer.concat([signature, Buffer.alloc(1)])),
  twice: bytes((signature) => Buffer.concat([signature, signature])),
  'all zeros': bytes(() => Buffer.alloc(256)),
  'the number one': bytes(() => Buffer.concat([Buffer.alloc(255), Buffer.from([1])])),
  'all ones': bytes(() => Buffer.alloc(256, 0xff)),
  'the modulus itself': (world) =>
    withSegment(world.token(), 2, () => String(world.keys.main.export({ format: 'jwk' }).n)),
  'plus the modulus, 257 bytes': (world) =>
    withSegment(world.token(), 2, (part) => {
      const n = BigInt(
        `0x${Buffer.from(String(world.keys.main.export({ format: 'jwk' }).n), 'base64url').toString('hex')}`
      )
      const sum = n + BigInt(`0x${Buffer.from(part, 'base64url').toString('hex')}`)
      return Buffer.from(sum.toString(16).padStart(514, '0'), 'hex').toString('base64url')
    }),
  reversed: bytes((signature) => Buffer.from(signature).reverse()),
  'the first bit flipped': flipped(0),
  'a bit in the middle flipped': flipped(128),
  'the last bit flipped': flipped(255),
  'PSS under RS256': (world) => world.token({}, {}, pss(world.keys.main)),
  'PSS without salt under RS256': (world) => world.token({}, {}, pss(world.keys.main, 'sha256', 0)),
  'SHA-1 under RS256': (world) => world.token({}, {}, rsa(world.keys.main, 'sha1')),
  'SHA-384 under RS256': (world) => world.token({}, {}, rsa(world.keys.main, 'sha384')),
  'SHA-512 under RS256': (world) => world.token({}, {}, rsa(world.keys.main, 'sha512')),
  'over the payload alone': (world) =>
    world.token({}, {}, (input) => rsa(world.keys.main)(input.slice(input.indexOf('.') + 1))),
  'over the header alone': (world) =>
    world.token({}, {}, (input) => rsa(world.keys.main)(input.slice(0, input.indexOf('.')))),
  'over the decoded segments': (world) =>
    world.token({}, {}, (input) =>
      rsa(world.keys.main)(
        input
          .split('.')
          .map((part) => Buffer.from(part, 'base64url'))
          .join('.')
      )
    ),
  'over the segments with a dot at the end': (world) =>
    world.token({}, {}, (input) => rsa(world.keys.main)(`${input}.`)),
  'of another token of the same user': (world) =>
    withSegment(world.token(), 2, () => world.token({ uti: 'another' }).split('.')[2] ?? ''),
  'the payload of another token': (world) =>
    withSegment(world.token(), 1, () => world.token({ roles: ['Admin'] }).split('.')[1] ?? ''),
  'the header of another token': (world) =>
    withSegment(world.token(), 0, () => world.token({}, { x5t: 'another' }).split('.')[0] ?? ''),
  'one character of the payload': (world) =>
    withSegment(world.token({ name: 'aaaaaaaaaaaa' }), 1, (part) => {
      const text = Buffer.from(part, 'base64url').toString().replace('aaaaaaaaaaaa', 'aaaaaaaaaaab')
      return Buffer.from(text).toString('base64url')
    })
})

const keysOfOthers: Row[] = [
  ...rows('RFC 7515 §5.2 signed by the key that kid names', bad, {
    'the key of a stranger under the kid of the tenant': (world) => world.under('key-1', world.keys.stranger),
    'another key of the tenant under this kid': (world) => world.under('key-1', world.keys.special),
    'this key under another kid of the tenant': (world) => world.under('key-without-issuer', world.keys.main),
    'a weak key of a stranger under the kid of the tenant': (world) => world.under('key-1', world.keys.weak)
  }),
  ...rows('RFC 8725 §3.8 only keys that the issuer publishes', unknownKey, {
    'the key of another tenant': (world) => world.under('key-of-the-other-tenant', world.keys.stranger),
    'a key that only the v2 set has, in a v1 token': (world) =>
      mint(world.header({ kid: 'key-v2-only' }), world.v1User(), rsa(world.keys.special))
  }),
  ...rows('Microsoft: signing keys roll over, a withdrawn key is refused', unknownKey, {
    'the retired key': (world) => world.under('key-retired', world.keys.special)
  })
]

const unusable = (rule: string, change: string, kid: string, key: (keys: World['keys']) => KeyObject): Row => ({
  rule,
  change,
  is: unknownKey,
  token: (world) => world.under(kid, key(world.keys))
})

const unusableKeys: Row[] = [
  unusable('RFC 7517 §4.2 use', 'a key for encryption', 'key-for-encryption', ({ special }) => special),
  unusable('RFC 7517 §4.3 key_ops', 'key_ops without verify', 'key-ops-encrypt', ({ special }) => special),
  unusable('RFC 7517 §4.3 key_ops', 'key_ops of a private key', 'key-ops-sign', ({ special }) => special),
  unusable('RFC 7517 §4.4 alg of a key', 'a key for RS384', 'key-for-rs384', ({ special }) => special),
  unusable('RFC 7517 §4.4 alg of a key', 'a key for RSA-OAEP', 'key-for-oaep', ({ special }) => special),
  unusable(
    'RFC 7517 §9.2 a private key is private',
    'a key whose d is published',
    'key-with-private',
    ({ special }) => special
  ),
  unusable(
    'RFC 7517 §4.5 kid tells keys apart',
    'the first of two keys under one kid',
    'key-clash',
    ({ special }) => special
  ),
  unusable(
    'RFC 7517 §4.5 kid tells keys apart',
    'the second of two keys under one kid',
    'key-clash',
    ({ clash }) => clash
  ),
  unusable('RFC 7518 §3.3 a key of 2048 bits or more', 'a key of 1024 bits', 'key-1024', ({ weak }) => weak),
  unusable(
    'FIPS 186-5 A.1.1 an exponent of 65537 or more',
    'an exponent of 3',
    'key-exponent-3',
    ({ smallExponent }) => smallExponent
  ),
  unusable('RFC 7517 §4.5 a kid that can be a name', 'an empty kid, published', '', ({ special }) => special),
  unusable(
    'RFC 7517 §4.5 a kid that can be a name',
    'a kid of 257 characters, published',
    longKid,
    ({ special }) => special
  ),
  {
    rule: 'RFC 7517 §4.1 kty',
    change: 'a published symmetric key, HMAC under RS256',
    is: unknownKey,
    token: (world) => world.under('key-oct', world.keys.stranger)
  }
]

const keyIssuers: Row[] = [
  ...rows('Microsoft: validate the signing key issuer', '401 invalid_token wrong_key_issuer', {
    'a key that is published for another tenant': (world) => world.under('key-of-another-issuer', world.keys.special),
    'a key that is published for another tenant, v1': (world) =>
      mint(world.header({ kid: 'key-of-another-issuer' }), world.v1User(), rsa(world.keys.special))
  }),
  ...rows('Microsoft: validate the signing key issuer', '401 invalid_token wrong_tenant', {
    'a template, and the tid of another tenant': (world) =>
      mint(world.header({ kid: 'key-with-template' }), world.user({ tid: otherTenantId }), rsa(world.keys.special))
  }),
  ...rows('control: Microsoft, the issuer of a key', '200', {
    'a template takes the tenant of the token': (world) => world.under('key-with-template', world.keys.special),
    'no issuer says nothing': (world) => world.under('key-without-issuer', world.keys.special)
  })
]

export const signature: Table = [...padding, ...values, ...keysOfOthers, ...unusableKeys, ...keyIssuers]
