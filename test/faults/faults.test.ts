/** The matrix: every fault, of discovery and of keys, met cold, warm, and warm past the time of the refresh. */
import t, { type Test } from 'tap'
import {
  discoveryFaults,
  type Fault,
  type GoodAnswer,
  goodAnswers,
  json,
  keySetFaults,
  transportFaults
} from './faults.js'
import { type Lane, openLanes, type Subject, type Target, type Version } from './lane.js'

const day = 86_400_000
const hour = 3_600_000
const sideBySide = 16
/** New each time: tap keeps what it learns of a test in the object that it is given. */
const guard = () => ({ buffered: true, timeout: 30_000 })

const lanes = await openLanes(sideBySide)
t.teardown(() => lanes.close())
t.jobs = sideBySide

const rejections: unknown[] = []
process.on('unhandledRejection', (reason) => void rejections.push(reason))

const cases: { target: Target; fault: Fault }[] = [
  ...transportFaults.flatMap((fault) => [
    { target: 'discovery' as const, fault },
    { target: 'keys' as const, fault }
  ]),
  ...discoveryFaults.map((fault) => ({ target: 'discovery' as const, fault })),
  ...keySetFaults.map((fault) => ({ target: 'keys' as const, fault }))
]

const complaints = ({ log }: Subject) => log.lines.filter(({ level }) => level !== 'info')

/** Said once, as what it is: weather is a warning, somebody else's tenant an error. */
function checkComplaint(t: Test, subject: Subject, { mismatch }: Fault, state: 'cold' | 'stale') {
  t.match(complaints(subject), [{ level: mismatch ? 'error' : 'warn', details: { state, reason: /./ } }], 'said once')
  t.equal(complaints(subject).length, 1, 'and no more than once')
}

function checkHosts(t: Test, lane: Lane) {
  t.equal(lane.other.requests, 0, 'no second host was asked')
}

/** Ends what a case began: no timer may be left. */
async function closed(t: Test, { issuer, clock, idle }: Subject) {
  issuer.keys.close()
  await idle()
  t.equal(clock.pending, 0, 'no timer is left')
}

async function cold(t: Test, lane: Lane, version: Version, { fault, target }: (typeof cases)[number]) {
  const subject = lane.subject(version)
  const { issuer, clock, ask } = subject
  subject.begin(fault, target)
  await t.resolves(issuer.keys.start(), 'the start lives on')
  t.match(issuer.status, { state: 'cold', keys: 0, lastError: /./ })
  const refused = await issuer.keys.find('key-1', 'RS256')
  t.match(refused, { status: 503, code: 'tenant_unavailable' })
  const { retryAfterSeconds = 0 } = refused as { retryAfterSeconds?: number }
  t.ok(Number.isInteger(retryAfterSeconds) && retryAfterSeconds >= 1 && retryAfterSeconds <= 5, 'Retry-After')
  checkComplaint(t, subject, fault, 'cold')
  await clock.advance(fault.hangs ? 5000 : 60_000)
  t.equal(await ask('key-1'), 503, 'still')
  t.equal(complaints(subject).length, 1, 'the same state is not said again')
  checkHosts(t, lane)
  subject.end()
  await clock.advance(5000)
  t.equal(await ask('key-1'), 'key', 'ready within 5 s after recovery')
  t.match(issuer.status, { state: 'fresh', keys: 2, lastError: undefined })
  await closed(t, subject)
}

async function warm(t: Test, lane: Lane, version: Version, { fault, target }: (typeof cases)[number]) {
  const subject = lane.subject(version)
  const { issuer, clock, ask } = subject
  await issuer.keys.start()
  subject.begin(fault, target)
  const asked = ask('key-3')
  t.ok(subject.underWay() > 0, 'an unknown kid asks for a refresh')
  t.match(issuer.keys.find('key-1', 'RS256'), { kid: 'key-1' }, 'a good token is answered at once, without a promise')
  t.equal(await asked, 503, 'whether the kid is new stays unknown')
  const fetches = subject.fetches()
  t.equal(await ask('key-4'), 503)
  t.equal(subject.fetches(), fetches, 'and is not asked again within the cooldown')
  t.same([await ask('key-1'), await ask('key-2')], ['key', 'key'], 'a bad answer never replaces a good set')
  t.match(issuer.status, { state: 'stale', keys: 2, lastError: /./ })
  checkComplaint(t, subject, fault, 'stale')
  checkHosts(t, lane)
  subject.end()
  await clock.advance(30_000)
  t.equal(await ask('key-3'), 401, 'once it is known: 401')
  t.equal(await ask('key-1'), 'key')
  t.match(issuer.status, { state: 'fresh', keys: 2, lastError: undefined })
  await closed(t, subject)
}

async function pastRefresh(t: Test, lane: Lane, version: Version, { fault, target }: (typeof cases)[number]) {
  // The longest cooldown, so that a day of outage is some twenty tries.
  const subject = lane.subject(version, { cooldownSeconds: 3600 })
  const { issuer, clock, ask } = subject
  await issuer.keys.start()
  const start = clock.now()
  subject.begin(fault, target)
  clock.fireNext()
  t.equal(clock.now() - start, hour, 'the refresh of the hour')
  t.ok(subject.underWay() > 0, 'is under way')
  t.match(issuer.keys.find('key-1', 'RS256'), { kid: 'key-1' }, 'and no good token waits for it')
  await subject.idle()
  t.match(issuer.status, { state: 'stale', keys: 2, ageSeconds: 3600, lastError: /./ })
  await clock.advance(day - hour)
  t.same([await ask('key-1'), await ask('key-2')], ['key', 'key'], 'a day of outage: just short enough')
  checkComplaint(t, subject, fault, 'stale')
  await clock.advance(1)
  t.same([await ask('key-1'), await ask('key-3')], [503, 503], 'just too long: 503, never 401')
  t.match(issuer.status, { state: 'cold', keys: 0 })
  checkHosts(t, lane)
  subject.end()
  await clock.advance(5000)
  t.same([await ask('key-1'), await ask('key-2')], ['key', 'key'], 'ready within 5 s after recovery')
  await closed(t, subject)
}

type Check = typeof cold
const states: Readonly<Record<'cold' | 'warm' | 'warm, past the time of the refresh', Check>> = {
  cold,
  warm,
  'warm, past the time of the refresh': pastRefresh
}

/** Entra serves v1 beside v2, other products do not: an authority that says so has no v1 keys, which is no fault. */
const saysThereIsNone = new Set(['400 with a good document', '404'])

for (const version of ['2.0', '1.0'] as const) {
  for (const [state, check] of Object.entries(states)) {
    for (const each of cases) {
      const { target, fault } = each
      if (version === '1.0' && check === cold && target === 'discovery' && saysThereIsNone.has(fault.name)) continue
      t.test(`v${version}, ${state}, ${target}: ${fault.name} (${fault.rule})`, guard(), (t) =>
        lanes.use((lane) => check(t, lane, version, each))
      )
    }
  }
}

async function checkGood(t: Test, lane: Lane, { keys, holds, refuses }: GoodAnswer, state: keyof typeof states) {
  const subject = lane.subject('2.0')
  const { issuer, clock, ask } = subject
  const publish = () => lane.tenant.answers.set(lane.keysPath, json({ keys: keys(lane) }))
  if (state === 'cold') publish()
  await issuer.keys.start()
  publish()
  if (state === 'warm') t.equal(await ask('nobody'), 401)
  if (state === 'warm, past the time of the refresh') await clock.advance(hour)
  for (const kid of holds) t.match(issuer.keys.find(kid, 'RS256'), { kid }, `${kid} is held`)
  for (const kid of refuses) t.equal(await ask(kid), 401, `${kid} is refused`)
  t.match(issuer.status, { state: 'fresh', keys: holds.length, lastError: undefined })
  t.same(complaints(subject), [])
  await closed(t, subject)
}

for (const state of Object.keys(states) as (keyof typeof states)[]) {
  for (const answer of goodAnswers) {
    t.test(`${state}, a good answer: ${answer.name} (${answer.rule})`, guard(), (t) =>
      lanes.use((lane) => checkGood(t, lane, answer, state))
    )
  }
}

t.test('no rejection was left unhandled', (t) => {
  t.same(rejections, [])
  t.end()
})
