/**
 * The verdict of jose, which shares no code with what is under test, on 10,000 random tokens. What jose refuses is refused; what the plugin
 * refuses beside that has a reason in a standard, by name. `JOSE_SEED` repeats the runs of an output, `JOSE_RUNS` says how many there are.
 */
import fc from 'fast-check'
import Fastify from 'fastify'
import { createLocalJWKSet, errors, type exportJWK, type JSONWebKeySet, type JWTVerifyOptions, jwtVerify } from 'jose'
import t from 'tap'
import entra, { type EntraOptions, TokenRefusedError } from '../../src/plugin/index.js'
import { audience } from './provider.js'
import { randomTokens } from './random-tokens.js'
import type { Api } from './server.js'
import { clientId, seconds, startWorld, tenantId } from './world.js'

const seed = Number(process.env.JOSE_SEED ?? 20_261_205)
const allRuns = Number(process.env.JOSE_RUNS ?? 10_000)
/** Curves take longer than RSA. */
const share = { entra: 0.7, oidc: 0.3 } as const
t.comment(`JOSE_SEED=${seed} JOSE_RUNS=${allRuns}`)

const world = await startWorld()
world.publish(false)
t.teardown(() => world.close())
const { tenant, provider } = world

/** What of a token can be read, whoever signed it. */
interface Read {
  readonly segments: readonly string[]
  readonly bytes: readonly Buffer[]
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
}

function objectIn(bytes: Buffer | undefined): Record<string, unknown> {
  try {
    return { ...(JSON.parse(String(bytes).replace(/^\ufeff/, '')) as object) }
  } catch {
    return {}
  }
}

function read(token: string): Read {
  const segments = token.split('.')
  const bytes = segments.slice(0, 2).map((segment) => Buffer.from(segment, 'base64url'))
  return { segments, bytes, header: objectIn(bytes[0]), payload: objectIn(bytes[1]) }
}

const keySet = async (url: string) => createLocalJWKSet((await (await fetch(url)).json()) as JSONWebKeySet)
const keys = {
  v2: await keySet(tenant.origin + tenant.paths.keys),
  v1: await keySet(tenant.origin + tenant.paths.v1Keys),
  oidc: await keySet(`${provider.issuer}/keys`)
}

/** jose's options that say what the plugin's say. An issuer brings its keys and its audiences, and so it does here. */
function equivalent(api: Api, { header, payload }: Read): [typeof keys.v2, JWTVerifyOptions] {
  const shared = {
    clockTolerance: 60,
    // RFC 7515 §4.1.9: it may be left out.
    ...(header.typ !== undefined && { typ: isAtJwt(header) ? 'at+jwt' : 'JWT' }),
    // The one way to have jose look whether `iat` is in the future.
    ...(payload.iat !== undefined && { maxTokenAge: 1e11 })
  }
  if (api === 'oidc') {
    const algorithms = [256, 384, 512].flatMap((bits) => [`RS${bits}`, `PS${bits}`, `ES${bits}`]).concat('EdDSA')
    const requiredClaims = ['iss', 'exp', 'aud']
    return [keys.oidc, { ...shared, issuer: provider.issuer, audience, algorithms, requiredClaims }]
  }
  const isV1 = payload.iss === world.v1
  return [
    isV1 ? keys.v1 : keys.v2,
    {
      ...shared,
      issuer: isV1 ? world.v1 : world.v2,
      audience: [clientId, `api://${clientId}`, ...(isV1 ? [`api://${clientId}/`] : [])],
      algorithms: ['RS256'],
      requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub', 'tid', 'ver']
    }
  ]
}

async function joseAccepts(api: Api, token: string): Promise<boolean> {
  const [keys, options] = equivalent(api, read(token))
  const verifies = (key: typeof keys | Parameters<typeof exportJWK>[0]) =>
    jwtVerify(token, key as typeof keys, options).then(
      () => true,
      (error: unknown) => error
    )
  const answer = await verifies(keys)
  if (!(answer instanceof errors.JWKSMultipleMatchingKeys) || read(token).header.kid !== undefined)
    return answer === true
  // Of a token without kid: jose leaves it to its user to try each of them.
  for await (const key of answer) if ((await verifies(key)) === true) return true
  return false
}

const isTime = (value: unknown) =>
  value === undefined || (typeof value === 'number' && value >= 0 && value <= 253_402_300_799)
const isText = (value: unknown) => typeof value === 'string' && value !== ''
const has = (members: object, names: readonly string[]) => names.some((name) => Object.hasOwn(members, name))
const isCanonical = (segment = '') => Buffer.from(segment, 'base64url').toString('base64url') === segment
/** A name twice is written anew once. Only for JSON that `JSON.stringify` wrote, with one member more. */
const repeats = (bytes: Buffer) => /"(\w+)":[^{}]*[,{]"\1":/.test(String(bytes))

const isAtJwt = ({ typ }: Read['header']) => typeof typ === 'string' && /^(application\/)?at\+jwt$/i.test(typ)

/** Entra: `idtyp` says something else, or nothing says anything. */
function showsNoKind({ payload }: Read, api: Api): boolean {
  const { idtyp, scp, oid, sub } = payload
  if (api !== 'entra') return false
  if (idtyp !== undefined && idtyp !== null) return idtyp !== 'user' && idtyp !== 'app'
  if (typeof scp === 'string' && /[^ /]/.test(scp)) return false
  return !isText(oid) || (oid === sub && scp !== undefined && scp !== null && typeof scp !== 'string')
}

/** Of another provider: by another name for itself, or by nothing that only access tokens have. */
function saysNothing({ header, payload }: Read, api: Api): boolean {
  if (api === 'entra') return false
  const { typ = 'Bearer', token_use = 'access' } = payload
  if (typ !== 'Bearer' || token_use !== 'access') return true
  return (
    !isAtJwt(header) && !has(payload, ['scope', 'scp', 'client_id', 'cid', 'permissions', 'gty', 'typ', 'token_use'])
  )
}

/** Neither scopes nor roles; of an app its scopes are none. */
function hasNoGrant({ payload: { scp, scope, roles, idtyp } }: Read, api: Api): boolean {
  const words = (value: unknown) => (typeof value === 'string' ? value.split(' ') : [])
  const list = (value: unknown) => (Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [])
  const scopes =
    api === 'entra'
      ? words(idtyp === 'app' ? '' : scp)
      : [scp, scope].flatMap((each) => [...words(each), ...list(each)])
  return [...scopes, ...list(roles)].every((each) => each.trim() === '')
}

/** Why the plugin refuses what jose lets pass. Each is documented in SECURITY.md, or by the standard that it names. */
const reasons: readonly (readonly [name: string, code: string, holds: (token: Read, api: Api) => boolean])[] = [
  ['RFC 7519 §4: a member name twice', 'token_malformed', ({ bytes }) => bytes.some(repeats)],
  ['RFC 8259 §8.1: a byte order mark', 'token_malformed', ({ bytes }) => bytes.some((each) => each[0] === 0xef)],
  ['RFC 7515 §2, RFC 4648 §3.5: another spelling', 'token_malformed', ({ segments }) => !segments.every(isCanonical)],
  [
    'RFC 8725 §3.10, RFC 7515 §4.1.11: parameters that bring a key, or ask for extensions',
    'unsupported_header',
    ({ header }, api) =>
      has(header, ['crit', 'b64', 'jwk', 'enc', 'zip']) ||
      (api === 'entra' ? has(header, ['jku', 'x5u', 'x5c', 'cty']) : /jwt$/i.test(String(header.cty)))
  ],
  [
    'RFC 7515 §4.1.4: no kid that can be a name',
    'unknown_key',
    ({ header: { kid } }) => !isText(kid) || String(kid).length > 256
  ],
  ['FIPS 186-5 A.1.1: an exponent of 3', 'unknown_key', ({ header }) => header.kid === 'key-exponent-3'],
  [
    'RFC 7519 §2: a time before 1970 or after 9999',
    'invalid_claim',
    ({ payload }) => ![payload.exp, payload.nbf, payload.iat].every(isTime)
  ],
  ['RFC 7519 §4.1.2: a sub that is no string', 'invalid_claim', ({ payload }) => !isText(payload.sub)],
  [
    'Microsoft: tid is the tenant of the issuer',
    'wrong_tenant',
    ({ payload }) => payload.tid !== tenantId || has(payload, ['TID'])
  ],
  [
    'Microsoft: ver goes with the issuer',
    'wrong_version',
    ({ payload }) => payload.ver !== (payload.iss === world.v1 ? '1.0' : '2.0')
  ],
  ['Microsoft: the issuer of a key', 'wrong_key_issuer', ({ header }) => header.kid === 'key-of-another-issuer'],
  [
    'OpenID Connect Core §2, RFC 8417 §2.2: another kind of token',
    'not_an_access_token',
    ({ payload }) => has(payload, ['nonce', 'at_hash', 'c_hash', 'events'])
  ],
  [
    'Microsoft: an access token names its client',
    'not_an_access_token',
    ({ payload }, api) => api === 'entra' && !isText(payload.ver === '1.0' ? payload.appid : payload.azp)
  ],
  ['RFC 9068 §2.1: a token that does not say it is an access token', 'not_an_access_token', saysNothing],
  ['RFC 7800 §3: a bound token', 'bound_token', ({ payload }) => has(payload, ['cnf'])],
  ['RFC 9068 §2.2: no subject', 'missing_claim', ({ payload }, api) => api === 'oidc' && !isText(payload.sub)],
  ['Microsoft: verify scopes and app roles', 'no_permissions', hasNoGrant],
  ['Microsoft: optional claims, idtyp: neither a user nor an app', 'caller_kind_unknown', showsNoKind]
]

const options: Readonly<Record<Api, EntraOptions>> = {
  entra: { tenantId, clientId, authority: tenant.origin },
  oidc: { issuer: provider.issuer, audience }
}
const b64token = /^[A-Za-z0-9._~+/-]+=*$/

for (const api of ['entra', 'oidc'] as const) {
  t.test(api, async (t) => {
    const numRuns = Math.ceil(allRuns * share[api])
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(entra, options[api])
    app.get('/', async () => 'ok')
    await app.ready()
    const verdictOf = (token: string) =>
      app.verifyToken(token).then(
        () => 'accepted',
        (error: unknown) => (error instanceof TokenRefusedError ? error.code : `threw ${String(error)}`)
      )
    const requested = async (token: string) => {
      const answer = await app.inject({ url: '/', headers: { authorization: `Bearer ${token}` } })
      return answer.statusCode === 200 ? 'accepted' : answer.json<{ code: string }>().code
    }
    const counted = new Map<string, number>()
    const count = (what: string) => counted.set(what, (counted.get(what) ?? 0) + 1)
    const unexplained: object[] = []
    const started = seconds()
    for (const make of fc.sample(randomTokens(api), { seed, numRuns })) {
      const token = make(world)
      const isAccepted = await joseAccepts(api, token)
      const verdict = await verdictOf(token)
      // As a request asks, with another of the libraries' ways to verify.
      const byRequest = b64token.test(token) ? await requested(token) : verdict
      const decoded = read(token)
      const about = { verdict, header: decoded.header, payload: decoded.payload, segments: decoded.segments.length }
      if (byRequest !== verdict) unexplained.push({ byRequest, ...about })
      if (isAccepted === (verdict === 'accepted')) count(isAccepted ? 'both accept' : 'both refuse')
      else if (verdict === 'accepted') unexplained.push({ jose: 'refuses', ...about })
      else {
        const reason = reasons.find(([, code, holds]) => code === verdict && holds(decoded, api))
        if (reason) count(reason[0])
        else unexplained.push({ jose: 'accepts', ...about })
      }
    }
    t.same(unexplained.slice(0, 20), [], `${unexplained.length} differences without a reason`)
    for (const [what, times] of counted) t.comment(`${times} ${what}`)
    t.comment(`${seconds() - started} s`)
    for (const what of ['both accept', 'both refuse'])
      t.ok((counted.get(what) ?? 0) > numRuns / 10, `${what}: enough of them`)
    seen.push(...counted.keys())
  })
}

const seen: string[] = []
t.test('every reason is needed', { skip: allRuns < 10_000 && 'too few tokens for that' }, async (t) => {
  t.same(
    reasons.map(([name]) => name).filter((name) => !seen.includes(name)),
    []
  )
})
