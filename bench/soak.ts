/**
 * Soak: mixed requests against the plugin on a real socket, while its tenant fails and rotates its keys.
 *
 *     npx tsx bench/soak.ts [seconds]
 *
 * Ends with 1 when an answer was not one that its request may get, or when memory grew by more than a fifth between the
 * first third and the end.
 */
import { Agent, get as httpGet, type RequestListener } from 'node:http'
import Fastify from 'fastify'
import entra from '../src/plugin/index.js'
import { clientId, type SigningKey, signingKey, startTestTenant, tenantId } from '../test/support/tenant.js'

const duration = Number(process.argv[2] ?? 60) * 1000
if (!(duration > 0)) throw new Error('usage: soak.ts [seconds]')
const workers = 16
const faultEvery = 2000
const requestDeadline = 10_000
const mostGrowth = 1.2

const tenant = await startTestTenant()
const keys: [SigningKey, SigningKey] = [tenant.key, await signingKey('key-2')]
const stranger = await signingKey('stranger')
tenant.keys = keys.map(({ jwk }) => jwk)

const app = Fastify({ forceCloseConnections: true })
await app.register(entra, {
  tenantId,
  clientId,
  authority: tenant.origin,
  keysRefreshSeconds: 1,
  keysCooldownSeconds: 1,
  keysTimeoutSeconds: 0.5
})
app.get('/', async (request) => request.principal.id)
await app.listen({ host: '127.0.0.1', port: 0 })
const origin = app.listeningOrigin

/** A fault of the tenant, on both of its documents in turn. */
const faults: readonly RequestListener[] = [
  (request) => void request.socket.resetAndDestroy(),
  () => {},
  (_request, response) => void response.write('{'),
  (_request, response) => void response.writeHead(500).end(),
  (_request, response) => void response.writeHead(503, { 'retry-after': '60' }).end(),
  (_request, response) => void response.end('<!DOCTYPE html>'),
  (_request, response) => void response.end('{"keys":[]}'),
  (_request, response) => void response.end(`"${'x'.repeat(2_000_000)}"`)
]

let generation = 2
let turns = 0
let rotations = 0
/** Now a fault, now none; each time it heals the older key goes, and a new one comes beside the younger. */
async function turn(): Promise<void> {
  turns += 1
  const { answers, paths } = tenant
  const fault = faults[Math.floor(turns / 2) % faults.length]
  if (turns % 2 === 1 && fault) {
    const at = turns % 4 === 1 ? [paths.discovery, paths.v1Discovery] : [paths.keys, paths.v1Keys]
    for (const path of at) answers.set(path, fault)
    return
  }
  answers.clear()
  generation += 1
  const key = await signingKey(`key-${generation}`)
  keys[0] = keys[1]
  keys[1] = key
  tenant.keys = keys.map(({ jwk }) => jwk)
  rotations += 1
}

interface Kind {
  readonly name: string
  readonly token: () => Promise<string>
  readonly allowed: readonly number[]
}

const random = () => Math.random().toString(36).slice(2)
/**
 * Any answer but these ends the soak with 1. 503 is allowed where the `kid` may be new; a key that was published for
 * at least one refresh is always held.
 */
const kinds: readonly Kind[] = [
  { name: 'good', token: () => settledToken(), allowed: [200] },
  { name: 'just rotated', token: () => tenant.userToken({}, {}, keys[1]), allowed: [200, 401, 503] },
  { name: 'expired', token: () => tenant.userToken({ exp: 1 }, {}, held), allowed: [401] },
  { name: 'forged', token: () => tenant.userToken({}, { kid: held.kid }, stranger), allowed: [401] },
  { name: 'unknown kid', token: () => tenant.userToken({}, { kid: random() }, stranger), allowed: [401, 503] },
  { name: 'another audience', token: () => tenant.userToken({ aud: random() }, {}, held), allowed: [401] },
  { name: 'no JWT', token: async () => random(), allowed: [401] },
  { name: 'malformed', token: async () => `${random()} ${random()}`, allowed: [400] }
]

/** The younger key of those that the API is known to hold, and that stays published until the next turn but one. */
let held: SigningKey = keys[1]
const settledToken = () => tenant.userToken({}, {}, held)
const agent = new Agent({ keepAlive: true, maxSockets: workers })

function ask(token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    const request = httpGet(origin, { agent, headers, timeout: requestDeadline }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s'))).on('error', reject)
  })
}

const counts = new Map<string, number>()
const unexpected = new Map<string, number>()
const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1)
const end = performance.now() + duration
let requests = 0
let otherServerErrors = 0

async function worker(): Promise<void> {
  while (performance.now() < end) {
    const kind = kinds[requests % kinds.length]
    requests += 1
    if (!kind) continue
    const status = await ask(await kind.token()).catch((error: Error) => error.message)
    add(counts, `${kind.name}: ${status}`)
    if (typeof status === 'string' || !kind.allowed.includes(status)) add(unexpected, `${kind.name}: ${status}`)
    if (typeof status === 'number' && status >= 500 && status !== 503) otherServerErrors += 1
  }
}

const megabytes = () => Math.round(process.memoryUsage.rss() / 1e6)
const samples: number[] = []
const sampling = setInterval(() => samples.push(megabytes()), 200)
const turning = (async () => {
  // A fault, or none, for as long as two refreshes; then the API holds what is published, as `status` says.
  while (performance.now() < end - faultEvery) {
    await turn()
    await new Promise((resolve) => setTimeout(resolve, faultEvery))
    if (turns % 2 === 0 && app.entra.issuers.every(({ state }) => state === 'fresh')) held = keys[1]
  }
})()

const start = megabytes()
await Promise.all(Array.from({ length: workers }, worker))
await turning
clearInterval(sampling)
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const third = Math.floor(samples.length / 3)
const [first, middle, last] = [0, 1, 2].map((n) => median(samples.slice(n * third, (n + 1) * third)))
const fetches = tenant.requests.length
agent.destroy()
await app.close()
await tenant.close()

const growth = Number(last) / Number(first)
console.log(`requests          ${requests} in ${duration / 1000} s`)
for (const [what, count] of [...counts].sort()) console.log(`  ${what.padEnd(24)} ${count}`)
console.log(`5xx other than 503  ${otherServerErrors}`)
console.log(`tenant            ${fetches} fetches, ${turns} turns, ${rotations} rotations`)
console.log(
  `RSS (MB)          start ${start}, thirds ${first} / ${middle} / ${last} (median), growth ${growth.toFixed(2)}`
)
if (unexpected.size > 0)
  console.log(`UNEXPECTED        ${[...unexpected].map(([what, n]) => `${what} (${n})`).join(', ')}`)
if (growth > mostGrowth) console.log(`MEMORY GREW       ${growth.toFixed(2)}, ${mostGrowth} at the most`)
process.exitCode = unexpected.size > 0 || growth > mostGrowth ? 1 : 0
