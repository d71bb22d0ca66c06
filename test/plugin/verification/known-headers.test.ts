import fc from 'fast-check'
import t from 'tap'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { ambiguityRefusal, decodeToken, parsePayload, splitToken } from '../../../src/plugin/verification/decode.js'
import { KnownHeaders } from '../../../src/plugin/verification/known-headers.js'

const segment = (text: string) => Buffer.from(text).toString('base64url')
const text = '{"alg":"RS256","typ":"JWT","kid":"key-1","nested":{"list":[1]}}'
const rest = `${segment('{"sub":"s"}')}.AQI`

/** Knows the header of one token. */
function knowing(header = text): KnownHeaders {
  const known = new KnownHeaders()
  const decoded = decodeToken(`${segment(header)}.${rest}`)
  if (isRefusal(decoded)) throw new Error(decoded.detail)
  known.add(decoded.segments[0], decoded.header)
  return known
}

/** All that a verification reads of a token. */
function readingOf(token: string, known?: KnownHeaders) {
  const split = splitToken(token, known)
  const decoded = isRefusal(split) ? split : parsePayload(split)
  if (isRefusal(decoded)) return decoded
  const { header, payload, segments } = decoded
  return { header, payload, segments, refused: ambiguityRefusal(decoded) }
}

t.test('a known header is not decoded again, and reads the same', async (t) => {
  const token = `${segment(text)}.${rest}`
  t.match(splitToken(token, knowing()), { header: { kid: 'key-1' }, headerText: undefined })
  t.strictSame(readingOf(token, knowing()), readingOf(token))
})

t.test('a header that is shared is frozen, at any depth', async (t) => {
  const header = knowing().find(segment(text))
  t.throws(() => Object.assign(header as object, { alg: 'none' }), TypeError)
  t.throws(() => Object.assign((header as { nested: { list: number[] } }).nested.list, { 0: 2 }), TypeError)
})

t.test('another header is not taken for a known one, however little differs', async (t) => {
  const known = knowing()
  const pieces = fc.constantFrom(
    '"alg":"RS256"',
    '"alg":"none"',
    '"kid":"key-1"',
    '"kid":"key-2"',
    '"crit":["b64"]',
    ' '
  )
  const others = fc.oneof(
    fc.array(pieces).map((parts) => segment(`{${parts.join()}}`)),
    fc.nat(segment(text).length).map((at) => segment(text).slice(0, at)),
    fc.string().map((more) => segment(text) + more),
    fc.string().map((more) => segment(text + more)),
    fc.nat(text.length - 1).map((at) => segment(`${text.slice(0, at)}x${text.slice(at + 1)}`)),
    fc.constantFrom(segment(text), '', '__proto__', 'constructor')
  )
  fc.assert(
    fc.property(others, (header) => {
      const token = `${header}.${rest}`
      t.strictSame(readingOf(token, known), readingOf(token))
    }),
    { numRuns: 1000 }
  )
})

t.test('the number of known headers is bounded', async (t) => {
  const known = new KnownHeaders()
  const isKnown = (n: number) => known.find(`header-${n}`) !== undefined
  for (let n = 0; n < 64; n += 1) known.add(`header-${n}`, { n })
  t.ok(isKnown(0) && isKnown(63))
  known.add('header-64', {})
  t.notOk(isKnown(0) || isKnown(63), 'full: it begins again')
  t.ok(isKnown(64))
})
