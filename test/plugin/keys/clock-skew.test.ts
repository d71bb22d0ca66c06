/** How far clocks differ: what a `Date` says, and what says nothing. */
import t from 'tap'
import { ClockSkew } from '../../../src/plugin/keys/clock-skew.js'

const origin = 'https://login.example'
const dateIn = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString()

t.test('in words from half a minute on', (t) => {
  const skew = new ClockSkew()
  t.equal(skew.inWords(origin), undefined, 'nothing was seen')
  skew.note(origin, dateIn(20))
  t.equal(skew.inWords(origin), undefined)
  skew.note(origin, dateIn(120))
  t.match(skew.inWords(origin), /^the clock of this API is (119|120) s behind that of https:\/\/login\.example$/)
  t.equal(skew.inWords('https://other.example'), undefined)
  skew.note(origin, dateIn(-120))
  t.match(skew.inWords(origin), / s ahead of that of /)
  t.end()
})

t.test('what is no date changes nothing', (t) => {
  const skew = new ClockSkew()
  skew.note(origin, dateIn(600))
  for (const none of [undefined, 'yesterday', '', ['a', 'b']]) skew.note(origin, none)
  t.match(skew.inWords(origin), /behind/)
  t.end()
})
