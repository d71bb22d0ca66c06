import fc from 'fast-check'
import t from 'tap'
import { hasRepeatedMember, membersIn } from '../../../src/plugin/verification/json-members.js'

const isRepeatedIn = (json: string) => hasRepeatedMember(membersIn(json) ?? Number.NaN, JSON.parse(json))

const rows: [json: string, repeated: boolean, rule: string][] = [
  ['{}', false, 'an empty object'],
  ['{"a":1}', false, 'one member'],
  ['{"a":1,"b":1}', false, 'two members'],
  ['{"a":1,"a":1}', true, 'twice the same'],
  ['{"a":1,"b":2,"a":3}', true, 'not side by side'],
  ['{"a":1,"\\u0061":2}', true, 'the same name, escaped (RFC 8259 §8.3)'],
  ['{"a":1,"A":2}', false, 'names have a case'],
  ['{"a":{"a":1}}', false, 'one in the other'],
  ['{"a":{"b":1,"b":2}}', true, 'within a member'],
  ['{"a":[{"b":1},{"b":2}]}', false, 'in two objects of an array'],
  ['{"a":[{"b":1,"b":2}]}', true, 'in one object of an array'],
  ['{"a":{"b":1},"a":2}', true, 'after an object'],
  ['{"a":"a","b":"a"}', false, 'as values'],
  ['{"a":"{\\"a\\":1,\\"a\\":2}"}', false, 'inside a string'],
  ['{"a\\\\":1,"a":2}', false, 'a backslash at the end of a name'],
  ['{"a":"\\\\","a":2}', true, 'a backslash at the end of a value'],
  ['{ "a" : 1 ,\n "a" : 2 }', true, 'with white space'],
  ['["a",":"]', false, 'no object'],
  ['{"__proto__":1,"constructor":2}', false, 'names of prototypes'],
  ['{"__proto__":1,"__proto__":2}', true, 'names of prototypes, twice']
]

t.test('a member name twice', async (t) => {
  for (const [json, repeated, rule] of rows) {
    t.doesNotThrow(() => JSON.parse(json), 'the row is JSON')
    t.equal(isRepeatedIn(json), repeated, rule)
  }
})

t.test('whatever JSON.stringify writes has no name twice', async (t) => {
  fc.assert(
    fc.property(fc.json(), (json) => !isRepeatedIn(json)),
    { numRuns: 2000 }
  )
  t.pass()
})

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth)
const list = (count: number, value = '0') => `[${Array.from({ length: count }, () => value).join()}]`
const object = (count: number) => `{${Array.from({ length: count }, (_, at) => `"${at}":0`).join()}}`

const bounds: [json: string, members: number | undefined, rule: string][] = [
  [nested(32), 0, 'RFC 8259 §9: 32 arrays in each other'],
  [nested(33), undefined, 'RFC 8259 §9: 33 arrays in each other'],
  [nested(32, '{"a":', '}').replace(':}', ':0}'), 32, '32 objects in each other'],
  [nested(33, '{"a":', '}').replace(':}', ':0}'), undefined, '33 objects in each other'],
  [nested(16, '[{"a":', '}]').replace(':}', ':0}'), 16, 'arrays and objects, 32 in all'],
  [nested(17, '[{"a":', '}]').replace(':}', ':0}'), undefined, 'arrays and objects, 34 in all'],
  [nested(33).slice(0, 33), undefined, 'as soon as it is too deep, whatever follows'],
  [list(300, nested(30)), undefined, 'not too deep, but too much of it'],
  [list(40, nested(30)), 0, 'side by side is not deep'],
  [list(2000), 0, '2,000 values'],
  [list(2001), undefined, '2,001 values'],
  [list(2001, '"a"'), undefined, 'of any type'],
  [object(500), 500, '500 members'],
  [object(501), undefined, '501 members'],
  [`[${object(250)},${object(250)}]`, 500, '500 members of two objects'],
  [`[${object(250)},${object(251)}]`, undefined, '501 members of two objects'],
  [list(1000, '[]'), 0, '1,000 lists'],
  [list(1001, '{}'), undefined, '1,001 objects'],
  [list(500, '{"":[0]}'), 500, '500 objects of one member, with a list each'],
  [list(501, '{"":[0]}'), undefined, '501 of them'],
  [JSON.stringify('[{,:}]"'.repeat(3000)), 0, 'RFC 8259 §7: in a string they are characters'],
  [`["\\"${'['.repeat(3000)}"]`, 0, 'nor does an escaped quote end it'],
  [`"${'['.repeat(3000)}`, 0, 'a string without an end is for the parser to refuse'],
  [`[0]${']'.repeat(3000)}`, 0, 'so are ends without a beginning']
]

t.test('depth and size, before anything is parsed', async (t) => {
  for (const [json, members, rule] of bounds) t.equal(membersIn(json), members, rule)
})

t.test('a value that nests deeper than the stack', async (t) => {
  const deep = nested(100_000)
  t.doesNotThrow(() => hasRepeatedMember(0, JSON.parse(deep)))
})
