import t from 'tap'
import { withFrozenClaims } from '../../../src/plugin/claims/freeze.js'
import { callerKindOf } from '../../../src/plugin/entra/caller-kind.js'
import { toPrincipal } from '../../../src/plugin/entra/principal.js'

const tid = '11111111-2222-4333-8444-555555555555'
const iss = `https://login.microsoftonline.com/${tid}/v2.0`
const client = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'
const oid = 'cccccccc-cccc-4ddd-8eee-ffffffffffff'
const group = 'dddddddd-cccc-4ddd-8eee-ffffffffffff'

type Claims = Record<string, unknown>

/** What every access token has, in both versions. Made anew each time: the principal freezes what it is given. */
const bare = (): Claims => ({ iss, tid, oid, sub: 'pairwise', ver: '2.0', azp: client })
const user = (claims: Claims = {}) => toPrincipal({ ...bare(), scp: 'Orders.Read Orders.Write', ...claims })
const app = (claims: Claims = {}) => toPrincipal({ ...bare(), idtyp: 'app', roles: ['Orders.Read.All'], ...claims })

t.test('the README: the members of a user', async (t) => {
  const claims = {
    ...bare(),
    scp: 'a b',
    roles: ['Admin'],
    groups: [group],
    name: 'A User',
    email: 'a@b.example',
    exp: 1800003600
  }
  t.strictSame(toPrincipal(claims), {
    kind: 'user',
    provider: 'entra',
    membership: 'unknown',
    isGuest: false,
    hasMoreGroups: false,
    id: oid,
    subject: 'pairwise',
    issuer: iss,
    tenantId: tid,
    clientId: client,
    expiresAt: 1800003600,
    name: 'A User',
    email: 'a@b.example',
    scopes: ['a', 'b'],
    roles: ['Admin'],
    groups: [group],
    claims
  })
})

t.test('the README: the members of an app', async (t) => {
  const claims = { ...bare(), idtyp: 'app', roles: ['Orders.Read.All'], exp: 1800003600 }
  t.strictSame(toPrincipal(claims), {
    kind: 'app',
    provider: 'entra',
    id: oid,
    subject: 'pairwise',
    issuer: iss,
    tenantId: tid,
    clientId: client,
    expiresAt: 1800003600,
    scopes: [],
    roles: ['Orders.Read.All'],
    groups: [],
    claims
  })
})

t.test('Entra rule 8: v1 names the client in appid', async (t) => {
  t.equal(toPrincipal({ ...bare(), ver: '1.0', azp: undefined, appid: 'other', scp: 'a' }).clientId, 'other')
})

/** An app's `sub` is its `oid`; a user's is pairwise (Microsoft: "Protected web API: verify scopes and app roles"). */
const itself = { oid: 'same', sub: 'same' }

const kinds: { rule: string; claims: Claims; kind: 'user' | 'app' | 'unknown' }[] = [
  { rule: 'Entra rule 6: scp is in user tokens only', claims: { scp: 'a' }, kind: 'user' },
  { rule: 'Entra rule 6: a scope shows a user, also with oid = sub', claims: { ...itself, scp: 'a' }, kind: 'user' },
  { rule: 'Entra rule 6: a scope shows a user, also without oid', claims: { oid: undefined, scp: 'a' }, kind: 'user' },
  { rule: 'Entra rule 6: no scp', claims: { ...itself }, kind: 'app' },
  { rule: 'Entra rule 6: no scp, with roles', claims: { ...itself, roles: ['a'] }, kind: 'app' },
  { rule: 'Entra rule 6: an empty scp', claims: { ...itself, scp: '' }, kind: 'app' },
  { rule: 'Entra rule 6: scp of /', claims: { ...itself, scp: '/' }, kind: 'app' },
  { rule: 'Entra rule 6: scp null', claims: { ...itself, scp: null }, kind: 'app' },
  { rule: 'RFC 6749 §3.3: spaces hold no scope', claims: { ...itself, scp: '   ' }, kind: 'app' },
  { rule: 'a pairwise sub is a user’s, also without scp', claims: { roles: ['a'] }, kind: 'user' },
  { rule: 'a pairwise sub is a user’s, scp of /', claims: { roles: ['a'], scp: '/' }, kind: 'user' },
  { rule: 'without oid, idtyp and scp nothing is shown', claims: { roles: ['a'], oid: undefined }, kind: 'unknown' },
  { rule: 'an empty oid is none', claims: { roles: ['a'], oid: '' }, kind: 'unknown' },
  { rule: 'an oid of another type is none', claims: { roles: ['a'], oid: ['same'] }, kind: 'unknown' },
  { rule: 'no scope and no oid', claims: { scp: '/', oid: undefined }, kind: 'unknown' },
  { rule: 'an idtyp that is neither shows neither', claims: { ...itself, idtyp: 'device' }, kind: 'unknown' },
  { rule: 'also beside a scope', claims: { idtyp: 'device', scp: 'a' }, kind: 'unknown' },
  { rule: 'idtyp has a case', claims: { ...itself, idtyp: 'App' }, kind: 'unknown' },
  { rule: 'an empty idtyp', claims: { ...itself, idtyp: '' }, kind: 'unknown' },
  { rule: 'an idtyp of another type, with scp', claims: { idtyp: 1, scp: 'a' }, kind: 'unknown' },
  { rule: 'an idtyp of another type, without', claims: { ...itself, idtyp: ['app'] }, kind: 'unknown' },
  { rule: 'JSON null is no idtyp, with scp', claims: { idtyp: null, scp: 'a' }, kind: 'user' },
  { rule: 'JSON null is no idtyp, without', claims: { ...itself, idtyp: null }, kind: 'app' },
  { rule: 'Entra rule 6: a scope beside / is a scope', claims: { scp: '/ a' }, kind: 'user' },
  { rule: 'Entra rule 6: idtyp app', claims: { idtyp: 'app' }, kind: 'app' },
  { rule: 'Entra rule 6: idtyp app, without oid', claims: { idtyp: 'app', oid: undefined }, kind: 'app' },
  { rule: 'Entra rule 6: idtyp app, where sent, decides over scp', claims: { idtyp: 'app', scp: 'a' }, kind: 'app' },
  { rule: 'Entra rule 6: idtyp user', claims: { idtyp: 'user', scp: 'a' }, kind: 'user' },
  { rule: 'Entra rule 6: idtyp user without scp', claims: { idtyp: 'user', roles: ['a'] }, kind: 'user' },
  { rule: 'Entra rule 6: idtyp user, oid = sub', claims: { ...itself, idtyp: 'user' }, kind: 'user' },
  {
    rule: 'Entra rule 6: an scp of the wrong type is not "no scope": it must not turn a user into an app',
    claims: { scp: ['Orders.Read'], roles: ['Orders.Read.All'] },
    kind: 'user'
  },
  { rule: 'nor does oid = sub beside one', claims: { ...itself, scp: ['Orders.Read'] }, kind: 'unknown' }
]

t.test('a scope or role of nothing is none', async (t) => {
  const { scopes, roles } = toPrincipal({ ...bare(), idtyp: 'user', scp: ' \v a \u00a0', roles: ['', ' ', 'b'] })
  t.strictSame([scopes, roles], [['a'], ['b']])
})

t.test('user or app, or neither is shown', async (t) => {
  for (const { rule, claims, kind } of kinds) {
    t.equal(callerKindOf({ ...bare(), ...claims }), kind, rule)
    if (kind !== 'unknown') t.equal(toPrincipal({ ...bare(), ...claims }).kind, kind, rule)
  }
})

const scopes: { rule: string; scp: unknown; is: string[] }[] = [
  { rule: 'Entra rule 6: parted by spaces', scp: 'a b', is: ['a', 'b'] },
  { rule: 'more than one space', scp: ' a  b ', is: ['a', 'b'] },
  { rule: 'RFC 6749 §3.3: case-sensitive', scp: 'Orders.read', is: ['Orders.read'] },
  { rule: 'RFC 6749 §3.3: only spaces part', scp: 'a,b', is: ['a,b'] },
  { rule: 'Entra rule 6: a lone / is no scope', scp: '/', is: [] },
  { rule: 'a / within is of the scope', scp: 'api://x/a', is: ['api://x/a'] }
]

t.test('scp', async (t) => {
  for (const { rule, scp, is } of scopes) t.strictSame(user({ idtyp: 'user', scp }).scopes, is, rule)
})

t.test('an app has neither scopes nor groups, whatever the token says', async (t) => {
  const { scopes, groups } = app({ scp: 'a', groups: [group] })
  t.strictSame([scopes, groups], [[], []])
})

const odd: unknown[] = [undefined, null, true, 0, 1.5, '', 'text', [], ['a', 1, null], {}, { a: { b: [1] } }]
const optional = [
  'oid',
  'name',
  'email',
  'preferred_username',
  'roles',
  'groups',
  'idtyp',
  'scp',
  'acct',
  'wids',
  '_claim_names'
]
const isText = (value: unknown) => typeof value === 'string'

t.test('Entra rule 9: optional claims may be missing or oddly typed', async (t) => {
  for (const claim of optional) {
    for (const value of odd) {
      const told = `${claim}: ${JSON.stringify(value)}`
      const principal = user({ [claim]: value })
      t.ok([...principal.roles, ...principal.groups, ...principal.scopes].every(isText), `${told}: lists of strings`)
      t.ok(isText(principal.id) && principal.id !== '', `${told}: an id`)
      if (principal.kind === 'user') {
        for (const shown of [principal.name, principal.email]) t.ok(shown === undefined || isText(shown), told)
      }
      t.equal(principal.claims[claim], value, `${told}: raw`)
    }
  }
})

t.test('what is of the right type in a list stays', async (t) => {
  t.strictSame(user({ roles: ['a', 1, null, ['b'], 'c'] }).roles, ['a', 'c'])
  t.strictSame(user({ groups: [group, {}] }).groups, [group])
})

t.test('a string is no list: roles "Admin" must not become the letters of it, nor a role', async (t) => {
  t.strictSame(user({ roles: 'Admin' }).roles, [])
})

t.test('without an oid', async (t) => {
  for (const none of [undefined, '', 7, null]) t.equal(user({ oid: none }).id, 'pairwise', `oid ${none}: it is sub`)
  t.equal(app({ oid: undefined }).id, 'pairwise')
})

t.test('the README: name and email are for display, and left out where not sent', async (t) => {
  t.notOk('name' in user())
  t.notOk('email' in user())
  t.equal(
    Object.entries(user({ preferred_username: 'u@b.example' })).find(([name]) => name === 'email')?.[1],
    'u@b.example'
  )
  const both = user({ email: 'e@b.example', preferred_username: 'u@b.example' })
  t.equal(both.kind === 'user' && both.email, 'e@b.example')
})

t.test('Entra rule 8: nothing that may change is a key', async (t) => {
  const { id, subject } = user({ upn: 'u@b.example', email: 'e@b.example', unique_name: 'n', preferred_username: 'p' })
  t.strictSame([id, subject], [oid, 'pairwise'])
})

function thawed(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const own = Object.isFrozen(value) ? [] : [path]
  return [...own, ...Object.entries(value).flatMap(([name, member]) => thawed(member, `${path}.${name}`))]
}

t.test('the README: frozen, all the way down, once its claims are frozen too', async (t) => {
  const nested = { roles: ['a'], groups: [group], _claim_names: { groups: 'src1' }, deep: [{ deeper: [[{}]] }] }
  t.strictSame(thawed(withFrozenClaims(user(nested)), 'user'), [])
  t.strictSame(thawed(withFrozenClaims(app(nested)), 'app'), [])
  const principal = withFrozenClaims(user(nested))
  t.throws(() => (principal.roles as string[]).push('Admin'), TypeError, 'a role cannot be added')
  t.throws(() => Object.assign(principal, { kind: 'app' }), TypeError, 'nor the kind changed')
  t.throws(() => Object.assign(principal.claims, { tid: 'other' }), TypeError, 'nor a claim')
})

t.test('a hostile claim name reaches no prototype', async (t) => {
  const principal = toPrincipal(JSON.parse(`{"tid":"${tid}","sub":"s","scp":"a","__proto__":{"roles":["Admin"]}}`))
  t.strictSame(principal.roles, [])
})

t.test('what Entra says of the client, and of agents, for users and apps', async (t) => {
  const facts = { azpacr: '2', xms_act_fct: '3 11', xms_sub_fct: '13' }
  const agent = { actorFacets: ['3', '11'], subjectFacets: ['13'], tenantFacets: [] }
  const kinds = [
    [{ scp: 'a' }, 'agentUser'],
    [{ idtyp: 'app', roles: ['b'] }, 'unknown']
  ] as const
  for (const [claims, flow] of kinds) {
    const principal = toPrincipal({ ...bare(), ...claims, ...facts })
    t.match(principal, { clientAuth: 'certificate', isAgent: true })
    t.strictSame(principal.agent, { flow, ...agent })
    t.ok(Object.isFrozen(principal.agent?.actorFacets))
    const silent = toPrincipal({ ...bare(), ...claims })
    t.notOk('agent' in silent || 'isAgent' in silent, 'absent where nothing is said')
    const ordinary = toPrincipal({ ...bare(), ...claims, xms_act_fct: '3 9', xms_sub_fct: '2 3', act: { sub: 'a' } })
    t.equal(ordinary.isAgent, false)
    t.notOk('agent' in ordinary)
    t.notOk('actors' in ordinary, 'act is a claim of other providers')
  }
})

t.test('Microsoft "Access token claims reference": groups overage', async (t) => {
  const rows: Record<string, [claims: object, is: boolean]> = {
    'no mark': [{ groups: ['g'] }, false],
    'a claim that is elsewhere': [{ _claim_names: { groups: 'src1' } }, true],
    'another claim that is elsewhere': [{ _claim_names: { address: 'src1' } }, false],
    'the implicit flow': [{ hasgroups: true }, true],
    'the implicit flow, as a text': [{ hasgroups: 'true' }, true],
    'not so': [{ hasgroups: false }, false],
    'odd ones': [{ hasgroups: 1, _claim_names: 'groups' }, false],
    nothing: [{ _claim_names: null }, false]
  }
  for (const [name, [claims, is]] of Object.entries(rows))
    t.match(toPrincipal({ ...bare(), scp: 'a', ...claims }), { hasMoreGroups: is }, name)
})
