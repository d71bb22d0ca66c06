import t from 'tap'
import type { Membership } from '../../../src/plugin/claims/principal.js'
import { clientAuthOf } from '../../../src/plugin/entra/caller-facts.js'
import { isGuest, membershipOf } from '../../../src/plugin/entra/membership.js'

const tid = '11111111-2222-4333-8444-555555555555'
const other = '22222222-3333-4444-8555-666666666666'
const odd = [null, 0, 7, true, [], ['1'], {}, { toString: () => '1' }, { toString: 'x' }, '', ' ', '3', 'secret']

t.test('Microsoft "Access token claims reference", azpacr and appidacr: how the client proved who it is', async (t) => {
  const ways = { 0: 'none', 1: 'secret', 2: 'certificate' } as const
  for (const [value, way] of Object.entries(ways)) {
    t.equal(clientAuthOf({ ver: '2.0', azpacr: value }), way)
    t.equal(clientAuthOf({ ver: '1.0', appidacr: value }), way)
    t.equal(clientAuthOf({ ver: '2.0', appidacr: value }), undefined, 'a claim of the other version says nothing')
    t.equal(clientAuthOf({ ver: '1.0', azpacr: value }), undefined)
  }
  for (const azpacr of [...odd, undefined, 1, 2])
    t.equal(clientAuthOf({ ver: '2.0', azpacr }), undefined, JSON.stringify(azpacr))
})

const own = `https://sts.windows.net/${tid}/`
const foreign = `https://sts.windows.net/${other}/`

t.test('Microsoft "Optional claims reference", acct; "Access token claims reference", idp: members', async (t) => {
  const rows: { rule: string; claims: object; is: Membership }[] = [
    { rule: 'neither says so', claims: {}, is: 'unknown' },
    { rule: 'JSON null is no value', claims: { acct: null, idp: null }, is: 'unknown' },
    { rule: 'acct 0', claims: { acct: 0 }, is: 'member' },
    { rule: 'acct 0 as a text', claims: { acct: '0' }, is: 'member' },
    { rule: 'acct 1', claims: { acct: 1 }, is: 'guest' },
    { rule: 'acct 1 as a text', claims: { acct: '1' }, is: 'guest' },
    { rule: 'acct 1, whatever idp says', claims: { acct: 1, idp: own }, is: 'guest' },
    {
      rule: 'an external member: acct 0, and idp is another directory',
      claims: { acct: 0, idp: foreign },
      is: 'member'
    },
    { rule: 'acct 0, whatever idp says', claims: { acct: 0, idp: [] }, is: 'member' },
    { rule: 'acct null, and idp', claims: { acct: null, idp: own }, is: 'member' },
    { rule: 'acct is a word, whatever idp says', claims: { acct: 'guest', idp: own }, is: 'unknown' },
    { rule: 'acct is another number', claims: { acct: 2 }, is: 'unknown' },
    { rule: 'idp is this directory', claims: { idp: own }, is: 'member' },
    {
      rule: 'idp is this directory, v2',
      claims: { idp: `https://login.microsoftonline.com/${tid}/v2.0` },
      is: 'member'
    },
    {
      rule: 'idp is this directory, as an unknown authority has it',
      claims: { idp: `https://evil.example/${tid}/` },
      is: 'guest'
    },
    { rule: 'idp only looks like this directory', claims: { idp: `mailto://x/${tid}` }, is: 'guest' },
    {
      rule: 'idp is this directory, by its own issuer',
      claims: { iss: `https://id.example/${tid}/v2.0`, idp: `https://id.example/${tid}/` },
      is: 'member'
    },
    { rule: 'idp is another directory', claims: { idp: foreign }, is: 'guest' },
    { rule: 'idp is that of personal accounts', claims: { idp: 'live.com' }, is: 'guest' },
    { rule: 'idp is a social one', claims: { idp: 'google.com' }, is: 'guest' },
    { rule: 'a one-time passcode', claims: { idp: 'mail' }, is: 'guest' }
  ]
  for (const { rule, claims, is } of rows) t.equal(membershipOf({ tid, ...claims }), is, rule)
})

t.test(
  'Microsoft "Token claims reference for agent IDs", xms_idrel: it takes away, and makes nobody a member',
  async (t) => {
    for (const value of ['1', '3', '27', '1 30', '30 1', '27 16', '', ' ', '35', 'x', '51', 5, ['5'], null, {}])
      t.equal(membershipOf({ tid, acct: 0, xms_idrel: value }), 'member', `${JSON.stringify(value)} beside acct 0`)
    for (const value of [
      '5',
      '1 5',
      '5 30',
      '7',
      '9',
      '11',
      '13',
      '15',
      '17',
      '19',
      '21',
      '23',
      '25',
      '29',
      '31',
      '33'
    ]) {
      t.equal(membershipOf({ tid, acct: 0, xms_idrel: value }), 'guest', `${value} beside acct 0`)
      t.equal(membershipOf({ tid, idp: own, xms_idrel: value }), 'guest', `${value} beside idp`)
    }
    t.equal(membershipOf({ tid, xms_idrel: '1' }), 'unknown', 'alone it shows nothing')
    t.equal(membershipOf({ tid, acct: 1, xms_idrel: '1' }), 'guest')
    t.equal(membershipOf({ tid, idp: foreign, xms_idrel: '27' }), 'guest')
  }
)

t.test('odd types: never an error, and what cannot be read is no member’s', async (t) => {
  for (const value of odd.filter((value) => value !== null)) {
    const by = (claims: object) => membershipOf({ tid, ...claims })
    t.equal(by({ acct: value }), value === 0 ? 'member' : 'unknown', JSON.stringify(value))
    t.not(by({ idp: value }), 'member', JSON.stringify(value))
  }
})

t.test('isGuest: true for guests and for what cannot be read, false where nothing is said', async (t) => {
  const rows: [claims: object, is: boolean][] = [
    [{}, false],
    [{ acct: 0 }, false],
    [{ acct: 0, idp: foreign }, false],
    [{ acct: 1 }, true],
    [{ acct: 'x' }, true],
    [{ idp: [] }, true],
    [{ idp: foreign }, true],
    [{ idp: own }, false]
  ]
  for (const [claims, is] of rows)
    t.equal(isGuest({ tid, ...claims }, membershipOf({ tid, ...claims })), is, JSON.stringify(claims))
})
