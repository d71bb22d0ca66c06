/**
 * One caller whose lookup hangs, for as long as others call, over real HTTP: nobody else is refused, and of that caller's calls few are
 * under way at once. The figures of docs/outages.md.
 */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { graphGroups, RedisRevocations, requireGroup, requirePolicy } from '../../src/plugin/index.js'
import { startApi } from '../support/api.js'
import type { Answer } from '../support/http.js'
import { json, startTestTenant, type TestTenant } from '../support/tenant.js'
import { granted, replying, secret } from '../support/token-endpoint.js'
import { until } from './waits.js'

// Each row waits for one deadline; the rest is for a busy machine.
t.setTimeout(600_000)
t.jobs = 2

const group = 'aaaaaaaa-1111-4222-8333-444444444444'
const contoso = '11111111-2222-4333-8444-555555555555'
const fabrikam = '22222222-3333-4444-8555-666666666666'
const userId = (n: number) => `dddddddd-1111-4222-8333-${String(n).padStart(12, '0')}`
const hanging = userId(999_999)
const goodUsers = 300

/** Calls about the caller whose lookup hangs. */
interface Seen {
  calls: number
}

interface World {
  readonly tenant: TestTenant
  readonly seen: Seen
}

/** `organizations`, with a token endpoint for each directory, and Microsoft Graph. */
async function startEntra(t: Test): Promise<World> {
  const tenant = await startTestTenant(t)
  const seen = { calls: 0 }
  const name = '/organizations'
  const issuer = () => `${tenant.origin}/{tenantid}/v2.0`
  const keys = `${name}/discovery/v2.0/keys`
  tenant.answers.set(
    `${name}/v2.0/.well-known/openid-configuration`,
    json(() => ({ issuer: issuer(), jwks_uri: tenant.origin + keys }))
  )
  tenant.answers.set(
    keys,
    json(() => ({ keys: tenant.keys }))
  )
  for (const directory of [contoso, fabrikam])
    tenant.answers.set(`/${directory}/oauth2/v2.0/token`, (request, response) => {
      replying((body) => {
        const [, claims = ''] = String(new URLSearchParams(body).get('assertion')).split('.')
        if (!Buffer.from(claims, 'base64url').toString().includes(hanging)) return granted('a-token')
        seen.calls += 1
        return undefined
      })(request, response)
    })
  for (let n = 0; n < goodUsers; n += 1)
    tenant.answers.set(
      `/v1.0/users/${userId(n)}/getMemberObjects`,
      json(() => ({ value: [group] }))
    )
  tenant.answers.set(`/v1.0/users/${hanging}/getMemberObjects`, () => {
    seen.calls += 1
  })
  return { tenant, seen }
}

/** A function of the application that answers in a moment, and never about one caller. It looks at no signal. */
const answering = (seen: Seen) => async (id: unknown) => {
  if (id !== hanging) return new Promise<void>((resolve) => setImmediate(resolve))
  seen.calls += 1
  return new Promise<never>(() => {})
}

/** The default: a busy machine must not miss it for those whose lookups do not hang. */
const seconds = 5

const rows: Record<string, { perCaller: number; options: (world: World) => object }> = {
  'groups, from Microsoft Graph': {
    perCaller: 4,
    options: ({ tenant }) => ({ downstream: { clientSecret: secret }, groups: graphGroups({ url: tenant.origin }) })
  },
  'groups, by a function': {
    perCaller: 4,
    options: ({ seen }) => ({ groups: ({ id }: { id: string }) => answering(seen)(id).then(() => [group]) })
  },
  'request.onBehalfOf()': { perCaller: 4, options: () => ({ downstream: { clientSecret: secret } }) },
  allowedTenants: {
    perCaller: 4,
    options: ({ seen }) => ({
      allowedTenants: (_tenantId: string, { oid }: { oid: unknown }) => answering(seen)(oid).then(() => true)
    })
  },
  'a policy': { perCaller: 64, options: () => ({}) },
  isRevoked: {
    perCaller: 64,
    options: ({ seen }) => ({ isRevoked: ({ id }: { id: string }) => answering(seen)(id).then(() => false) })
  },
  RedisRevocations: {
    perCaller: 64,
    options: ({ seen }) => {
      const get = (key: string) => answering(seen)(key.includes(hanging) ? hanging : '').then(() => null)
      return {
        isRevoked: new RedisRevocations({ status: 'ready', get, eval: get }, { timeoutSeconds: seconds }).isRevoked
      }
    }
  }
}

async function start(t: Test, name: string) {
  const world = await startEntra(t)
  const { tenant, seen } = world
  const own = rows[name]?.options(world)
  const directories = { tenantId: 'organizations', allowedTenants: [contoso, fabrikam] }
  const mayCall = requirePolicy('may-call', ({ id }) => answering(seen)(id).then(() => true))
  const routes = (app: FastifyInstance) => {
    app.get('/groups', { preHandler: requireGroup(group) }, async () => 'ok')
    app.get('/policy', { preHandler: mayCall }, async () => 'ok')
    app.get('/on-behalf-of', (request) => request.onBehalfOf('api://other/Read'))
    app.get('/any', async () => 'ok')
  }
  const options = { ...directories, keysTimeoutSeconds: seconds, ...own }
  const { app, get } = await startApi(t, { tenant, options, routes })
  await until('the keys to be there', () => app.entra.ready)
  const path = name.startsWith('groups')
    ? '/groups'
    : { 'a policy': '/policy', 'request.onBehalfOf()': '/on-behalf-of' }[name]
  const ask = async (oid: string, tid: string, uti: string): Promise<Answer> => {
    const claims = { oid, tid, uti, iss: `${tenant.origin}/${tid}/v2.0`, _claim_names: { groups: 'src1' } }
    return get(path ?? '/any', await tenant.userToken(claims))
  }
  return { ask, seen }
}

for (const [name, { perCaller }] of Object.entries(rows)) {
  t.test(`${name}: while it hangs for one caller, no other is refused`, async (t) => {
    const { ask, seen } = await start(t, name)
    const since = performance.now()
    let over = false
    let refused = 0
    const hang = async (lane: number) => {
      for (let n = 0; !over; n += 1) {
        const { status } = await ask(hanging, contoso, `${lane}-${n}`)
        t.equal(status, 503, 'the one whose lookup hangs')
        refused += 1
      }
    }
    const lanes = perCaller + 10
    const attack = Array.from({ length: lanes }, (_, lane) => hang(lane))
    // Nobody else is answered so far, which would prove that the service is not down.
    await until('more of its calls to have failed than open the circuit breaker', () => seen.calls > 2 * perCaller)
    const statuses: number[] = []
    const call = async (n: number) => {
      statuses.push((await ask(userId(n % goodUsers), n % 2 ? contoso : fabrikam, 'good')).status)
    }
    const callAll = async () => {
      for (let n = 0; n < goodUsers; n += 5) await Promise.all(Array.from({ length: 5 }, (_, more) => call(n + more)))
    }
    for (let time = 0; time < 2; time += 1) await callAll()
    over = true
    await Promise.all(attack)
    t.same([...new Set(statuses)], [200])
    // A place is waited for during half of the deadline, and a call that hangs has it for the rest at least.
    const rounds = Math.floor((performance.now() - since) / (seconds * 500)) + 1
    t.ok(seen.calls <= perCaller * rounds, `${seen.calls} calls in ${rounds} rounds`)
    t.comment(`${statuses.length} answers to good users, ${refused} refusals of the one, ${seen.calls} calls`)
  })
}
