import t from 'tap'
import { EntraConfigurationError } from '../../../src/plugin/lib/configuration-error.js'
import { isRefusal, type RefusalCode, refusal } from '../../../src/plugin/refusals/refusal.js'

/** The contract's status table. The type makes a row for each code, and a new code without one does not compile. */
const contract: Record<RefusalCode, [status: number, error: string | undefined]> = {
  credentials_missing: [401, undefined],
  authorization_malformed: [400, 'invalid_request'],
  authorization_repeated: [400, 'invalid_request'],
  too_many_headers: [400, 'invalid_request'],
  token_malformed: [401, 'invalid_token'],
  wrong_algorithm: [401, 'invalid_token'],
  wrong_token_type: [401, 'invalid_token'],
  unsupported_header: [401, 'invalid_token'],
  unknown_key: [401, 'invalid_token'],
  invalid_signature: [401, 'invalid_token'],
  token_expired: [401, 'invalid_token'],
  token_not_yet_valid: [401, 'invalid_token'],
  token_revoked: [401, 'invalid_token'],
  wrong_subject: [401, 'invalid_token'],
  missing_claim: [401, 'invalid_token'],
  invalid_claim: [401, 'invalid_token'],
  wrong_issuer: [401, 'invalid_token'],
  wrong_tenant: [401, 'invalid_token'],
  wrong_user_flow: [401, 'invalid_token'],
  wrong_version: [401, 'invalid_token'],
  wrong_key_issuer: [401, 'invalid_token'],
  wrong_audience: [401, 'invalid_token'],
  not_an_access_token: [401, 'invalid_token'],
  bound_token: [401, 'invalid_token'],
  no_permissions: [403, 'insufficient_scope'],
  client_not_allowed: [403, 'insufficient_scope'],
  insufficient_permissions: [403, 'insufficient_scope'],
  caller_kind_unknown: [403, 'insufficient_scope'],
  membership_unknown: [403, 'insufficient_scope'],
  agent_unknown: [403, 'insufficient_scope'],
  tenant_unavailable: [503, undefined],
  insufficient_claims: [401, 'insufficient_claims'],
  insufficient_user_authentication: [401, 'insufficient_user_authentication'],
  groups_unavailable: [503, undefined],
  admission_unavailable: [503, undefined],
  policy_unavailable: [503, undefined],
  user_required: [403, 'insufficient_scope'],
  downstream_not_offered: [403, 'insufficient_scope'],
  consent_required: [403, 'insufficient_scope'],
  downstream_refused: [502, undefined],
  downstream_failed: [502, undefined],
  downstream_unavailable: [503, undefined],
  rate_limited: [429, undefined]
}

const codes = Object.keys(contract) as RefusalCode[]

t.test('the contract: status and challenge error of each code', async (t) => {
  for (const code of codes) {
    const { status, error } = refusal(code)
    t.strictSame([status, error], contract[code], code)
  }
})

const internals = /fast-?jwt|jwks|jose|fastify|undici|node|pem|FST_|FAST_|Error|undefined|null|\[object/i

t.test('the contract: detail tells the client’s developer what is wrong, and never library internals', async (t) => {
  for (const code of codes) {
    const { detail } = refusal(code)
    t.match(detail, /^[A-Z].{19,160}\.$/, `${code}: one line of sentences, short`)
    t.notMatch(detail, internals, code)
    // RFC 6750 §3: error_description holds neither control characters, nor backslashes, nor anything beyond ASCII.
    t.match(detail, /^[\x20-\x5b\x5d-\x7e]+$/, `${code}: fit for a header`)
  }
  t.equal(new Set(codes.map((code) => refusal(code).detail)).size, codes.length, 'no two codes say the same')
})

t.test('what a case adds', async (t) => {
  const added = refusal('insufficient_permissions', { detail: 'Why.', scopes: ['a'], retryAfterSeconds: 3 })
  t.strictSame(added, {
    code: 'insufficient_permissions',
    status: 403,
    error: 'insufficient_scope',
    detail: 'Why.',
    scopes: ['a'],
    retryAfterSeconds: 3
  })
  t.not(refusal('insufficient_permissions').detail, 'Why.', 'the next refusal of that kind knows nothing of it')
  t.notOk('scopes' in refusal('insufficient_permissions'))
})

const refusals: [what: string, value: unknown, is: boolean][] = [
  ['a refusal', refusal('token_expired'), true],
  ['a refusal with more', refusal('tenant_unavailable', { retryAfterSeconds: 1 }), true],
  ['a token', 'eyJ.e30.c2ln', false],
  ['a key', { kid: 'key-1', pem: 'PEM' }, false],
  ['a principal', { kind: 'user', id: 'a', claims: {} }, false],
  ['a library’s error', Object.assign(new Error('x'), { code: 'FAST_JWT_EXPIRED', statusCode: 401 }), false],
  ['a configuration error', new EntraConfigurationError('x'), false],
  ['nothing', undefined, false],
  ['null', null, false]
]

t.test('a refusal is told from what it is returned beside', async (t) => {
  for (const [what, value, is] of refusals) t.equal(isRefusal(value), is, what)
})

t.test('EntraConfigurationError is an Error that programs and people can tell', async (t) => {
  const error = new EntraConfigurationError('clientId is missing')
  t.ok(error instanceof Error)
  t.equal(error.name, 'EntraConfigurationError')
  t.equal(error.code, 'ENTRA_CONFIGURATION')
  t.equal(String(error), 'EntraConfigurationError: clientId is missing')
  t.notOk('statusCode' in error, 'at a request it is the program’s fault: 500')
})
