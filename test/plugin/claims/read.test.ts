import fc from 'fast-check'
import t from 'tap'
import { isOtherToken } from '../../../src/plugin/claims/other-tokens.js'
import {
  type ClaimPath,
  clientRefusal,
  distinct,
  joined,
  missingClaimRefusal,
  namesAt,
  requiredClaims,
  text,
  texts,
  words
} from '../../../src/plugin/claims/read.js'

/** What JSON can put where a string was meant. */
const odd: unknown[] = [undefined, null, true, 0, 1.5, [], ['a'], [['a']], {}, { a: 'b' }, { toString: 1, length: 1 }]

t.test('text: a string, and not an empty one', async (t) => {
  t.equal(text('a'), 'a')
  t.equal(text(' '), ' ', 'whose words it holds is not for this to say')
  t.equal(text(''), undefined)
  for (const value of odd) t.equal(text(value), undefined, JSON.stringify(value))
})

t.test('texts: the strings of a list', async (t) => {
  const rows: { rule: string; value: unknown; is: string[] }[] = [
    { rule: 'all of them', value: ['a', 'b'], is: ['a', 'b'] },
    { rule: 'in their order, twice where they are', value: ['b', 'a', 'b'], is: ['b', 'a', 'b'] },
    {
      rule: 'what is no string is left out, and no more',
      value: ['a', 1, null, ['b'], { c: 'c' }, 'd'],
      is: ['a', 'd']
    },
    { rule: 'nothing is no value', value: ['', ' ', '\t\n', '\u00a0', 'a'], is: ['a'] },
    { rule: 'a string is no list of its letters', value: 'Admin', is: [] },
    { rule: 'nor is what looks like a list', value: { 0: 'a', length: 1 }, is: [] }
  ]
  for (const { rule, value, is } of rows) t.strictSame(texts(value), is, rule)
  for (const value of odd) t.doesNotThrow(() => texts(value), JSON.stringify(value))
})

t.test('words: of one string, parted by spaces', async (t) => {
  const rows: { rule: string; value: unknown; is: string[] }[] = [
    { rule: 'RFC 6749 §3.3: parted by spaces', value: 'a b', is: ['a', 'b'] },
    { rule: 'more than one, before and after too', value: '  a   b ', is: ['a', 'b'] },
    { rule: 'RFC 6749 §3.3: by nothing else', value: 'a,b;c', is: ['a,b;c'] },
    { rule: 'a tab parts nothing, and alone is nothing', value: 'a\tb \t c', is: ['a\tb', 'c'] },
    { rule: 'an empty one', value: '', is: [] },
    { rule: 'spaces alone', value: '   ', is: [] }
  ]
  for (const { rule, value, is } of rows) t.strictSame(words(value), is, rule)
  for (const value of odd) t.strictSame(words(value), [], `no string: ${JSON.stringify(value)}`)
})

t.test('a path of names: each list on the way stands for the objects in it', async (t) => {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  /** As it reads. */
  const valuesAt = (value: unknown, [name, ...rest]: ClaimPath): readonly unknown[] =>
    name === undefined
      ? [value]
      : [Array.isArray(value) ? value : [value]]
          .flat()
          .filter(isObject)
          .filter((each) => Object.hasOwn(each, name))
          .flatMap((each) => valuesAt(each[name], rest))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('a', 'b', 'a,b', '', 1, null, true),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'toString', '__proto__'), tie('tree'))
    )
  }))
  const path = fc.array(fc.constantFrom('a', 'b', 'toString', '__proto__'), { maxLength: 3 })
  const forms = fc.record({ mayBeText: fc.boolean(), mayBeKeys: fc.boolean() })
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('a', 'b'), tree), path, forms, (claims, path, forms) => {
      const each = valuesAt(claims, path).flatMap((value) => namesAt({ value }, ['value'], forms))
      t.strictSame(namesAt(claims, path, forms), each)
    }),
    { numRuns: 2000 }
  )
})

t.test('lists of names, joined, and each name once', async (t) => {
  const lists = fc.array(fc.array(fc.constantFrom('a', 'b', 'c')))
  fc.assert(
    fc.property(lists, (lists) => {
      t.strictSame(joined(...lists), lists.flat())
      t.strictSame(distinct(lists.flat()), [...new Set(lists.flat())])
    })
  )
  const own = ['a', 'b']
  t.equal(distinct(joined([], own, [])), own, 'no copy where nothing changes')
})

t.test('RFC 9068 §4, Microsoft "Access token claims reference": every access token has iss and exp', async (t) => {
  t.strictSame([...requiredClaims], ['iss', 'exp'])
})

t.test('the first claim that is missing is named', async (t) => {
  const rows: { rule: string; claims: Record<string, unknown>; names: string[]; missing: string | undefined }[] = [
    { rule: 'all are there', claims: { a: 1, b: 2 }, names: ['a', 'b'], missing: undefined },
    { rule: 'none is asked for', claims: {}, names: [], missing: undefined },
    { rule: 'the second', claims: { a: 1 }, names: ['a', 'b'], missing: 'b' },
    { rule: 'the first of two', claims: {}, names: ['a', 'b'], missing: 'a' },
    { rule: 'of any type, it is there', claims: { a: null }, names: ['a'], missing: undefined },
    { rule: 'what every object has is no claim', claims: {}, names: ['toString'], missing: 'toString' },
    {
      rule: 'nor is what came by another name',
      claims: JSON.parse('{"__proto__":{"a":1}}'),
      names: ['a'],
      missing: 'a'
    }
  ]
  for (const { rule, claims, names, missing } of rows) {
    const refusal = missingClaimRefusal(claims, names)
    if (missing === undefined) t.equal(refusal, undefined, rule)
    else
      t.match(refusal, { status: 401, code: 'missing_claim', detail: `The token lacks the claim "${missing}".` }, rule)
  }
})

t.test('what no access token carries, whatever it is set to', async (t) => {
  const rows: [rule: string, claim: string, is: boolean][] = [
    ['OpenID Connect Core §2: the nonce of the request', 'nonce', true],
    ['OpenID Connect Core §3.1.3.6: the hash of the access token beside it', 'at_hash', true],
    ['OpenID Connect Core §3.3.2.11: the hash of the code beside it', 'c_hash', true],
    ['RFC 8417 §2.2, OpenID Connect Back-Channel Logout §2.4: what has happened', 'events', true],
    ['RFC 9068 §2.2.1: an access token may say when its user signed in', 'auth_time', false],
    ['RFC 9068 §2.2.1: and how', 'acr', false],
    ['OpenID Connect Front-Channel Logout §3: and in which session', 'sid', false],
    ['RFC 9449 §6.1: to be bound is another matter', 'cnf', false]
  ]
  for (const [rule, claim, is] of rows) {
    for (const value of ['x', '', null, 0, {}]) t.equal(isOtherToken({ [claim]: value }), is, rule)
  }
  t.equal(isOtherToken({}), false)
})

t.test('allowedClients narrows, and never grants', async (t) => {
  const denied = { status: 403, error: 'insufficient_scope', code: 'client_not_allowed' }
  t.equal(clientRefusal('a', undefined), undefined, 'without a list any client')
  t.equal(clientRefusal('', undefined), undefined, 'and one that is not named')
  t.equal(clientRefusal('a', new Set(['b', 'a'])), undefined)
  t.match(clientRefusal('c', new Set(['b', 'a'])), denied)
  t.match(clientRefusal('A', new Set(['a'])), denied, 'RFC 6749 §2.2, RFC 8693 §4.3: a client ID is compared exactly')
  t.match(clientRefusal('', new Set(['a'])), denied, 'one that is not named is on no list')
  t.match(clientRefusal('a', new Set()), denied, 'an empty list lets nobody in')
})
