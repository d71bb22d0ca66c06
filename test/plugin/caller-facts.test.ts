import t from 'tap'
import { agentOf, clientAuthOf, isGuest } from '../../src/plugin/caller-facts.js'

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

t.test('Microsoft "Optional claims reference", acct; "Access token claims reference", idp: guests', async (t) => {
  const rows: { rule: string; claims: object; is: boolean }[] = [
    { rule: 'neither says so', claims: {}, is: false },
    { rule: 'acct 0', claims: { acct: 0 }, is: false },
    { rule: 'acct 1', claims: { acct: 1 }, is: true },
    { rule: 'acct 1 as a text', claims: { acct: '1' }, is: true },
    { rule: 'acct 1, whatever idp says', claims: { acct: 1, idp: `https://sts.windows.net/${tid}/` }, is: true },
    { rule: 'idp is this directory', claims: { idp: `https://sts.windows.net/${tid}/` }, is: false },
    { rule: 'idp is this directory, v2', claims: { idp: `https://login.microsoftonline.com/${tid}/v2.0` }, is: false },
    {
      rule: 'idp is this directory, as an unknown authority has it',
      claims: { idp: `https://evil.example/${tid}/` },
      is: true
    },
    { rule: 'idp only looks like this directory', claims: { idp: `mailto://x/${tid}` }, is: true },
    {
      rule: 'idp is this directory, by its own issuer',
      claims: { iss: `https://id.example/${tid}/v2.0`, idp: `https://id.example/${tid}/` },
      is: false
    },
    { rule: 'acct is a word', claims: { acct: 'guest' }, is: true },
    { rule: 'idp is another directory', claims: { idp: `https://sts.windows.net/${other}/` }, is: true },
    {
      rule: 'idp is another directory, acct 0',
      claims: { acct: 0, idp: `https://sts.windows.net/${other}/` },
      is: true
    },
    { rule: 'idp is that of personal accounts', claims: { idp: 'live.com' }, is: true },
    { rule: 'idp is a social one', claims: { idp: 'google.com' }, is: true },
    { rule: 'a one-time passcode', claims: { idp: 'mail' }, is: true }
  ]
  for (const { rule, claims, is } of rows) t.equal(isGuest({ tid, ...claims }), is, rule)
})

t.test('odd types: never an error, and an idp that cannot be read is no member’s', async (t) => {
  for (const value of odd) {
    t.equal(typeof isGuest({ tid, acct: value }), 'boolean')
    t.equal(isGuest({ tid, idp: value }), true, JSON.stringify(value))
    t.equal(isGuest({ tid, acct: value }), value !== 0, 'nor is an acct that is not 0')
  }
})

t.test('Microsoft "Access token claims in agent tokens": facets, as texts, in any order', async (t) => {
  t.same(agentOf({ xms_act_fct: '3 9 11', xms_sub_fct: '11' }), {
    actorFacets: ['3', '9', '11'],
    subjectFacets: ['11']
  })
  t.same(agentOf({ xms_act_fct: '11' }), { actorFacets: ['11'], subjectFacets: [] })
  t.same(agentOf({ xms_sub_fct: '13' }), { actorFacets: [], subjectFacets: ['13'] })
  t.equal(agentOf({}), undefined)
  for (const value of [null, 0, 11, true, [], ['11'], {}, '', ' '])
    t.equal(agentOf({ xms_act_fct: value, xms_sub_fct: value }), undefined, JSON.stringify(value))
})
