/** What may become of a token on its way, as data for fast-check: each mutation is a function of the token's text. */
import fc from 'fast-check'
import { segment } from './mint.js'

export type Mutation = (token: string) => string

const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
/** A place in a text, by its share of the length. */
const place = (text: string, share: number) => Math.floor(share * text.length)
const splice = (text: string, from: number, count: number, insert: string) =>
  text.slice(0, from) + insert + text.slice(from + count)

const base64url = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
const characters = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...base64url) },
  { weight: 2, arbitrary: fc.constantFrom(...'.=+/~ \t,"%\0\r\n\u0080\u00ff') },
  { weight: 1, arbitrary: fc.nat(255).map((code) => String.fromCharCode(code)) }
)
const inserted = fc.array(characters, { minLength: 1, maxLength: 20 }).map((parts) => parts.join(''))

const ofBytes: fc.Arbitrary<Mutation>[] = [
  fc.tuple(at, fc.nat(7)).map(([share, bit]) => (token: string) => {
    const from = place(token, share)
    return splice(token, from, 1, String.fromCharCode(token.charCodeAt(from) ^ (1 << bit)))
  }),
  fc.tuple(at, characters).map(
    ([share, to]) =>
      (token: string) =>
        splice(token, place(token, share), 1, to)
  ),
  fc.tuple(at, inserted).map(
    ([share, more]) =>
      (token: string) =>
        splice(token, place(token, share), 0, more)
  ),
  fc.tuple(at, fc.integer({ min: 1, max: 40 })).map(
    ([share, count]) =>
      (token: string) =>
        splice(token, place(token, share), count, '')
  ),
  fc.tuple(at, at).map(([one, other]) => (token: string) => {
    const [from, to] = [place(token, Math.min(one, other)), place(token, Math.max(one, other))]
    return splice(token, to, 0, token.slice(from, to))
  }),
  at.map((share) => (token: string) => token.slice(0, place(token, share))),
  fc.constantFrom<Mutation>(
    (token) => token.toLowerCase(),
    (token) => token.toUpperCase(),
    (token) => [...token].reverse().join(''),
    (token) => `${token}=`,
    (token) => `${token}==`,
    (token) => token.replaceAll('-', '+').replaceAll('_', '/'),
    (token) => encodeURIComponent(token),
    (token) => Buffer.from(token).toString('base64url')
  )
]

const segments = (change: (parts: string[]) => readonly string[]): Mutation => {
  return (token) => change(token.split('.')).join('.')
}

/** @param others valid tokens, whose segments may get into this one */
const ofSegments = (others: readonly string[]): fc.Arbitrary<Mutation>[] => [
  fc
    .tuple(fc.nat(2), fc.nat(2))
    .map(([one, other]) =>
      segments((parts) => parts.map((part, index) => (index === one ? (parts[other] ?? part) : part)))
    ),
  fc.shuffledSubarray([0, 1, 2]).map((order) => segments((parts) => order.map((index) => parts[index] ?? ''))),
  fc.nat(2).map((empty) => segments((parts) => parts.map((part, index) => (index === empty ? '' : part)))),
  fc
    .tuple(fc.constantFrom(...others), fc.nat(2))
    .map(([other, from]) =>
      segments((parts) => parts.map((part, index) => (index === from ? (other.split('.')[from] ?? part) : part)))
    ),
  fc
    .tuple(fc.nat(3), inserted)
    .map(([index, more]) => segments((parts) => [...parts.slice(0, index), more, ...parts.slice(index)]))
]

/** The JSON text of a header or payload, changed. */
type JsonEdit = (text: string) => string

const jsonEdits: fc.Arbitrary<JsonEdit> = fc.oneof(
  fc.tuple(at, fc.jsonValue()).map(([share, value]) => (text: string) => {
    const members = Object.entries(membersOf(text))
    const [name = 'x'] = members[place(members.join('\n'), share) % Math.max(1, members.length)] ?? []
    return JSON.stringify({ ...Object.fromEntries(members), [name]: value })
  }),
  fc.tuple(fc.string(), fc.jsonValue()).map(
    ([name, value]) =>
      (text: string) =>
        text.replace('{', `{${JSON.stringify(name)}:${JSON.stringify(value)},`)
  ),
  fc
    .tuple(
      at,
      fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '\u0000', ' ', '1e999', 'null', '\ud800', '\u202e')
    )
    .map(
      ([share, more]) =>
        (text: string) =>
          splice(text, place(text, share), 0, more)
    ),
  fc.constantFrom<JsonEdit>(
    (text) => ` ${text} `,
    (text) => `${text}${text}`,
    (text) => `[${text}]`,
    (text) => `\ufeff${text}`,
    (text) => JSON.stringify(text),
    (text) => text.replaceAll('"', "'"),
    (text) => text.replace('{', '{"__proto__":{"scp":"Orders.Read","roles":["Admin"]},')
  ),
  fc.jsonValue().map((value) => () => JSON.stringify(value))
)

function membersOf(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as object) }
  } catch {
    return {}
  }
}

/** Header and payload as JSON texts, edited, for who signs them anew. */
export const edits = fc
  .tuple(fc.array(jsonEdits, { maxLength: 2 }), fc.array(jsonEdits, { maxLength: 2 }))
  .map(([header, payload]) => ({
    header: (text: string) => header.reduce((edited, edit) => edit(edited), text),
    payload: (text: string) => payload.reduce((edited, edit) => edit(edited), text)
  }))

const ofJson: fc.Arbitrary<Mutation> = fc
  .tuple(fc.nat(1), jsonEdits)
  .map(([index, edit]) =>
    segments((parts) =>
      parts.map((part, each) => (each === index ? segment(edit(Buffer.from(part, 'base64url').toString())) : part))
    )
  )

/** One to four mutations in a row. */
export const mutations = (others: readonly string[]): fc.Arbitrary<Mutation> =>
  fc
    .array(fc.oneof(...ofBytes, ...ofSegments(others), ofJson, ofJson), { minLength: 1, maxLength: 4 })
    .map((each) => (token) => each.reduce((mutated, mutation) => mutation(mutated), token))
