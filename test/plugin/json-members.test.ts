import fc from 'fast-check'
import t from 'tap'
import { hasRepeatedMember } from '../../src/plugin/json-members.js'

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
    t.equal(hasRepeatedMember(json, JSON.parse(json)), repeated, rule)
  }
})

t.test('whatever JSON.stringify writes has no name twice', async (t) => {
  fc.assert(
    fc.property(fc.json(), (json) => !hasRepeatedMember(json, JSON.parse(json))),
    { numRuns: 2000 }
  )
  t.pass()
})
