/** A credential that changes while it is in use: when it is loaded again, what is tried, and how often, on a clock that tests move. */
import t from 'tap'
import { type CredentialOptions, credentialOf } from '../../../src/plugin/downstream/credential.js'
import { CredentialSource } from '../../../src/plugin/downstream/credential-source.js'
import type { ClientCredential, Proof } from '../../../src/plugin/downstream/proof.js'
import { refusal } from '../../../src/plugin/refusals/refusal.js'
import { clientCertificate } from '../../support/certificate.js'
import { FakeClock } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'

const seconds = 1000
const token = { token: 'a token', expiresAt: 9_999_999_999 }
const denial = (about: object = { error: 'invalid_client' }) => ({
  refusal: refusal('downstream_refused'),
  about: { ...about }
})

/** A tenant that accepts some credentials, and a client of it. */
function setUp(options: CredentialOptions) {
  const [clock, log] = [new FakeClock(), recordingLogger()]
  const source = new CredentialSource(credentialOf(options, undefined), { clock, log, timeoutSeconds: 5 })
  const tried: string[] = []
  const accepted = new Set<string>()
  const textOf = (proof: Proof) =>
    'clientCertificate' in proof ? proof.clientCertificate.thumbprintSha256 : Object.values(proof).join('')
  const ask = async () => {
    const before = tried.length
    const answer = await source.use(async (proof) => {
      tried.push(textOf(proof))
      return accepted.has(textOf(proof)) ? token : denial()
    })
    return [...tried.slice(before), 'token' in answer ? 'token' : answer.refusal.code].join(' ')
  }
  const lines = () => log.lines.map(({ level, message }) => `${level}: ${message}`)
  return { clock, log, source, tried, accepted, ask, lines }
}

/** A function of the application, and what it returns. */
function vault(first: ClientCredential) {
  const state = { calls: 0, next: async (): Promise<ClientCredential> => first }
  const credential = () => {
    state.calls += 1
    return state.next()
  }
  return Object.assign(state, { credential, returns: (value: ClientCredential) => (state.next = async () => value) })
}

t.test(
  'a function is called for the first token, and again five minutes later, while the last credential is used',
  async (t) => {
    const own = vault({ clientSecret: 'one' })
    const { ask, accepted, clock, lines } = setUp({ credential: own.credential })
    accepted.add('one').add('two')
    t.equal(own.calls, 0, 'not at registration')
    const all = await Promise.all([ask(), ask(), ask()])
    t.match(all.join(), 'token')
    t.equal(own.calls, 1, 'requests share a call')
    await clock.advance(299 * seconds)
    own.returns({ clientSecret: 'two' })
    t.equal(await ask(), 'one token')
    t.equal(own.calls, 1)
    await clock.advance(1 * seconds)
    t.equal(await ask(), 'one token', 'nobody waits for the function')
    await clock.advance(0)
    t.equal(await ask(), 'two token')
    t.equal(own.calls, 2)
    t.same(lines(), ['info: the credential of this API was replaced'])
  }
)

t.test('a refused secret is loaded again at once: a rotation needs no restart', async (t) => {
  for (const about of [
    { error: 'invalid_client' },
    ...[7000215, 7000222, 700027].map((code) => ({ errorCodes: [code] }))
  ]) {
    const own = vault({ clientSecret: 'old' })
    const { source } = setUp({ credential: own.credential })
    const answers: string[] = []
    const request = async (proof: Proof) => {
      answers.push(Object.values(proof).join(''))
      return answers.at(-1) === 'new' ? token : denial(about)
    }
    own.next = async () => ({ clientSecret: own.calls === 1 ? 'old' : 'new' })
    t.match(await source.use(request), token, JSON.stringify(about))
    t.same(answers, ['old', 'new'])
  }
  const own = vault({ clientSecret: 'one' })
  const { source } = setUp({ credential: own.credential })
  await source.use(async () => denial({ error: 'invalid_grant', errorCodes: [50013] }))
  t.equal(own.calls, 1, 'another refusal is not about the credential')
})

t.test('callers that are refused at the same time share one call, and all get a token', async (t) => {
  const own = vault({ clientSecret: 'old' })
  const { ask, accepted, tried } = setUp({ credential: own.credential })
  accepted.add('old')
  await ask()
  accepted.delete('old')
  accepted.add('new')
  own.returns({ clientSecret: 'new' })
  const answers = await Promise.all(Array.from({ length: 10 }, ask))
  t.ok(answers.every((answer) => answer.endsWith('token')))
  t.equal(own.calls, 2)
  t.equal(tried.length, 1 + 10 + 10)
})

t.test('refusals cannot make a storm: one request each, and one call in 30 seconds', async (t) => {
  const own = vault({ clientSecret: 'wrong' })
  const { ask, clock, tried } = setUp({ credential: own.credential })
  for (let at = 0; at < 20; at += 1) t.equal(await ask(), 'wrong downstream_refused')
  t.same([own.calls, tried.length], [2, 20])
  await clock.advance(29 * seconds)
  await ask()
  t.equal(own.calls, 2)
  await clock.advance(1 * seconds)
  await ask()
  t.equal(own.calls, 3)
  own.returns({ clientSecret: ['wrong', 'also wrong'] })
  await clock.advance(30 * seconds)
  t.equal(await ask(), 'wrong also wrong downstream_refused')
  t.equal(await ask(), 'wrong downstream_refused', 'of two that were refused only the first is tried')
  t.same([own.calls, tried.length], [4, 25])
})

t.test('two secrets: the second is tried where the first is refused, and then used for five minutes', async (t) => {
  const { ask, accepted, clock, lines } = setUp({ clientSecret: ['old', 'new'] })
  accepted.add('old')
  t.equal(await ask(), 'old token')
  accepted.delete('old')
  accepted.add('new')
  t.equal(await ask(), 'old new token')
  t.equal(await ask(), 'new token')
  await clock.advance(299 * seconds)
  t.equal(await ask(), 'new token')
  await clock.advance(1 * seconds)
  t.equal(await ask(), 'old new token')
  const line = 'warn: the tenant refused a credential of this API, and accepted another one'
  t.same(lines(), [line, line])
  accepted.clear()
  t.equal(await ask(), 'new old downstream_refused')
  t.equal(await ask(), 'old downstream_refused', 'of two that were refused only the first is tried')
  accepted.add('old')
  t.equal(await ask(), 'old token')
})

t.test(
  'a tenant that refuses both for a reason of its own does not keep others from the one that is accepted',
  async (t) => {
    const { source, ask, accepted, clock } = setUp({ clientSecret: ['not registered yet', 'good'] })
    accepted.add('good')
    t.equal(await ask(), 'not registered yet good token')
    for (let times = 0; times < 3; times += 1) {
      await clock.advance(1)
      await source.use(async () => {
        await clock.advance(1)
        return denial({ error: 'invalid_client', errorCodes: [650052] })
      })
      await clock.advance(1)
      t.equal(await ask(), 'good token')
    }
  }
)

t.test('a new secret that is not accepted yet: the one that it replaced still is', async (t) => {
  const own = vault({ clientSecret: 'one' })
  const { ask, accepted, clock } = setUp({ credential: own.credential })
  accepted.add('one')
  await ask()
  own.returns({ clientSecret: 'two' })
  await clock.advance(300 * seconds)
  await ask()
  await clock.advance(0)
  t.equal(await ask(), 'two one token')
  t.equal(await ask(), 'one token')
  await clock.advance(300 * seconds)
  accepted.add('two')
  t.equal(await ask(), 'two token')
  own.returns({ clientSecret: 'three' })
  accepted.clear()
  accepted.add('three')
  await clock.advance(300 * seconds)
  t.equal(await ask(), 'two one three token')
  t.equal(await ask(), 'three token')
})

t.test('a function that fails: the last credential, with a line in the log; without one an outage', async (t) => {
  const own = vault({ clientSecret: 'one' })
  const { ask, accepted, clock, log, lines } = setUp({ credential: own.credential })
  accepted.add('one')
  own.next = () => Promise.reject(new Error('the vault is closed'))
  await t.rejects(ask(), { name: 'OutageError', message: 'downstream.credential failed: the vault is closed' })
  own.returns({ clientSecret: 'one' })
  t.equal(await ask(), 'one token')
  own.next = () => Promise.reject(new Error('the vault is closed'))
  await clock.advance(300 * seconds)
  await ask()
  await clock.advance(0)
  t.equal(await ask(), 'one token')
  t.equal(own.calls, 3, 'not called again for 30 seconds')
  t.same(lines(), ['warn: the credential of this API could not be loaded, and the last one is used'])
  t.same(log.lines[0]?.details, { reason: 'downstream.credential failed: the vault is closed' })
  own.next = () => new Promise(() => {})
  await clock.advance(30 * seconds)
  t.equal(await ask(), 'one token', 'nobody waits for one that hangs')
  await clock.advance(5 * seconds)
  t.equal(log.lines[1]?.details.reason, 'downstream.credential took longer than 5 seconds')
  own.returns({ clientSecret: 'two' })
  await clock.advance(30 * seconds)
  await ask()
  await clock.advance(0)
  accepted.add('two')
  t.equal(await ask(), 'two token', 'and the next call is made')
})

t.test('what a function returns is validated, and never shown', async (t) => {
  const { pem } = await clientCertificate()
  const bad: unknown[] = [
    undefined,
    null,
    'canary-secret',
    {},
    { clientSecret: '' },
    { clientSecret: ['canary-secret', 7] }
  ]
  const worse: unknown[] = [
    { clientSecret: ['canary-secret', 'canary-secret', 'canary-secret'] },
    { clientSecret: 'canary-secret', clientAssertion: 'canary-secret' },
    { clientCertificate: 'canary-secret' }
  ]
  for (const value of [...bad, ...worse]) {
    const own = vault(value as ClientCredential)
    const error = await setUp({ credential: own.credential }).ask().catch(String)
    t.match(error, /^OutageError: downstream\.credential.*; give /)
    t.notMatch(error, 'canary-secret')
  }
  const own = vault({ clientCertificate: pem })
  const { ask, accepted, source } = setUp({ credential: own.credential })
  const [proof] = await source.proofs()
  if ('clientCertificate' in proof) accepted.add(proof.clientCertificate.thumbprintSha256)
  t.match(await ask(), /^[0-9A-F]{64} token$/)
})

t.test('an assertion is used for one token', async (t) => {
  const own = vault({})
  own.next = async () => ({ clientAssertion: `assertion-${own.calls}` })
  const { ask, accepted, clock } = setUp({ credential: own.credential })
  accepted.add('assertion-1').add('assertion-2').add('assertion-4')
  t.equal(await ask(), 'assertion-1 token')
  t.equal(await ask(), 'assertion-2 token')
  t.equal(await ask(), 'assertion-3 assertion-4 token', 'refused: called again')
  t.equal(await ask(), 'assertion-5 downstream_refused', 'not within 30 seconds')
  own.returns({ clientSecret: 'secret' })
  accepted.add('secret')
  t.equal(await ask(), 'secret token', 'another kind of credential')
  own.returns({ clientAssertion: 'assertion-1' })
  await clock.advance(300 * seconds)
  await ask()
  await clock.advance(0)
  t.equal(await ask(), 'assertion-1 token')
})

t.test('refused while another request loads the credential: that load is shared', async (t) => {
  const own = vault({ clientSecret: 'old' })
  const { source, clock } = setUp({ credential: own.credential })
  await source.proofs()
  let release: (value: ClientCredential) => void = () => {}
  own.next = () => new Promise((resolve) => (release = resolve))
  await clock.advance(300 * seconds)
  const seen: string[] = []
  const answers = [1, 2].map(() =>
    source.use(async (proof) => {
      seen.push(Object.values(proof).join(''))
      return seen.at(-1) === 'new' ? token : denial()
    })
  )
  await clock.advance(0)
  release({ clientSecret: 'new' })
  t.match(await Promise.all(answers), [token, token])
  t.same(seen, ['old', 'old', 'new', 'new'])
  t.equal(own.calls, 2)
})
