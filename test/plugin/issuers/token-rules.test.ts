/** Checks, as data: total, whatever a token holds, and each says what it expects and what it found. */
import t from 'tap'
import type { Claims } from '../../../src/plugin/claims/principal.js'
import { userFlowChecks } from '../../../src/plugin/entra/b2c.js'
import { entraChecks } from '../../../src/plugin/entra/checks.js'
import { type Check, firstRefusal, type SignedToken } from '../../../src/plugin/issuers/token-rules.js'
import { oidcChecks } from '../../../src/plugin/oidc/checks.js'
import { anyProvider } from '../../../src/plugin/oidc/provider.js'
import { providers } from '../../../src/plugin/oidc/providers.js'

const audiences = ['api']
const rules = { audiences, scopeBase: 'api://api', clientId: 'api' }
const oidc = { audiences, allowedClients: undefined, roles: { paths: [], mayBeText: false, mayBeKeys: false } }
const lists: Readonly<Record<string, readonly Check[]>> = {
  v1: entraChecks({ ...rules, version: '1.0', allowedClients: new Set(['a']), acceptsTenant: () => true }),
  v2: entraChecks({ ...rules, version: '2.0', allowedClients: undefined, acceptsTenant: (tid) => tid === 'x' }),
  b2c: userFlowChecks({ ...rules, userFlow: 'B2C_1', allowedClients: new Set(['a']) }),
  ...Object.fromEntries(
    [...Object.entries(providers), ['none', anyProvider] as const].flatMap(([name, provider]) =>
      [true, false].map((rfc9068) => [
        `${name}, RFC 9068: ${rfc9068}`,
        oidcChecks({ ...oidc, provider, rfc9068, groups: oidc.roles })
      ])
    )
  )
}
const odd: unknown[] = [undefined, null, true, 0, -1, 1.5, '', ' ', 'text', [], ['a', 1, null], [['a']], {}, { a: [1] }]
const names = [
  ...[
    'iss',
    'aud',
    'exp',
    'iat',
    'sub',
    'tid',
    'ver',
    'azp',
    'appid',
    'client_id',
    'cid',
    'scp',
    'scope',
    'idtyp',
    'oid'
  ],
  ...['nonce', 'cnf', 'tfp', 'acr', 'typ', 'token_use', 'jti', 'email', 'gty', 'username']
]

t.test('a check never throws, on any claims, whatever failed before it', async (t) => {
  for (const [list, checks] of Object.entries(lists)) {
    t.equal(new Set(checks.map(({ id }) => id)).size, checks.length, `${list}: each has an id of its own`)
    for (const value of odd) {
      const claims = Object.fromEntries(names.map((name) => [name, value])) as Claims
      for (const header of [{}, { typ: value }]) {
        const key = { kid: 'k', pem: '', algorithms: ['RS256'], ...(typeof value === 'string' && { issuer: value }) }
        const token = { header, claims, key } as unknown as SignedToken
        const outcomes = checks.map((check) => ({ id: check.id, why: check.refuse(token), found: check.found(token) }))
        const first = outcomes.find(({ why }) => why)?.why
        t.equal(firstRefusal(checks, token)?.code, first?.code, `${list}: ${JSON.stringify(value)}`)
      }
    }
  }
})

t.test('each says where it comes from, and what passes', async (t) => {
  for (const [list, checks] of Object.entries(lists))
    for (const { id, source, expected } of checks)
      t.ok(/^[a-z0-9_.]+$/.test(id) && source && expected, `${list}: ${id}: ${expected} (${source})`)
})
