import fc from 'fast-check'
import t from 'tap'
import { RecentNumbers } from '../../../src/plugin/verification/recent-numbers.js'

t.test('a number is there once it was added, and until others took its place', async (t) => {
  const recent = new RecentNumbers(1)
  t.notOk(recent.hasOrAdd(1))
  t.ok(recent.hasOrAdd(1))
  for (let number = 2; number < 5000; number += 1) recent.hasOrAdd(number)
  t.notOk(recent.hasOrAdd(1), 'the table has a fixed size')
})

t.test('no number is there that was not added, except 0', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer().filter((number) => number !== 0)), (numbers) => {
      const [recent, added] = [new RecentNumbers(10), new Set<number>()]
      for (const number of numbers) {
        if (recent.hasOrAdd(number)) t.ok(added.has(number))
        added.add(number)
      }
      t.ok(
        numbers.slice(-1).every((number) => recent.hasOrAdd(number)),
        'the last one is there'
      )
    })
  )
  t.ok(new RecentNumbers(10).hasOrAdd(0))
})

t.test('as many numbers as a bucket has places are all there', async (t) => {
  const recent = new RecentNumbers(100)
  const numbers = Array.from({ length: 16 }, (_, at) => (at + 1) * 2 ** 20)
  for (const number of numbers) recent.hasOrAdd(number)
  t.ok(numbers.every((number) => recent.hasOrAdd(number)))
})
