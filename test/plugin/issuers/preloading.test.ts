/** When keys are saved for the next process, and what one save costs. */
import t from 'tap'
import { Issuer } from '../../../src/plugin/issuers/issuer.js'
import { keySaver } from '../../../src/plugin/issuers/preloading.js'
import { toSettings } from '../../../src/plugin/options.js'
import { FakeClock, settle } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'
import { clientId, signingKey, tenantId } from '../../support/tenant.js'

const { jwk } = await signingKey('a')

/** Issuers without a network, and what was saved of them. */
function setUp(save: (sets: readonly object[]) => unknown) {
  const [clock, log] = [new FakeClock(), recordingLogger()]
  const settings = toSettings({ tenantId, clientId })
  const urls = new Map(settings.issuers.map(({ url, issuer }) => [url, issuer]))
  const fetchJson = async (url: string) =>
    urls.has(url) ? { issuer: urls.get(url), jwks_uri: `${new URL(url).origin}/keys` } : { keys: [jwk] }
  const names = new Map<string, Issuer>()
  const fetched = keySaver(save as never, () => issuers, { log, clock })
  const issuers = settings.issuers.map(
    (each) => new Issuer(each, settings.keyTimings, { fetchJson, clock, log, names, ...(fetched && { fetched }) })
  )
  t.teardown(() => issuers.forEach(({ keys }) => void keys.close()))
  return { clock, log, issuers, fetched }
}

t.test('one save at a time: the fetches during one share the next', async (t) => {
  const saves: (() => void)[] = []
  const { issuers, fetched } = setUp(() => new Promise<void>((resolve) => saves.push(resolve)))
  await Promise.all(issuers.map(({ keys }) => keys.start()))
  for (let times = 0; times < 1000; times += 1) fetched?.()
  await settle()
  t.equal(saves.length, 1)
  saves[0]?.()
  await settle()
  t.equal(saves.length, 2)
  saves[1]?.()
  await settle()
  t.equal(saves.length, 2, 'all are saved')
  fetched?.()
  await settle()
  t.equal(saves.length, 3)
})

t.test('a save that hangs is not the last', async (t) => {
  let calls = 0
  const hang = () => {
    calls += 1
    return new Promise(() => {})
  }
  const { issuers, fetched, clock, log } = setUp(hang)
  await issuers[0]?.keys.start()
  fetched?.()
  await clock.advance(60_000)
  t.equal(calls, 2)
  t.match(
    log.lines.find(({ message }) => message === 'saveKeys failed: keys are not saved'),
    { details: { err: { message: 'saveKeys took longer than 60 seconds' } } }
  )
})

t.test('what an application does to a set that it saves does not change the next one', async (t) => {
  const saved: string[] = []
  const { issuers, fetched } = setUp((sets) => {
    saved.push(JSON.stringify(sets))
    for (const set of sets as { keys: object[] }[]) {
      Object.assign(set.keys[0] as object, { n: 'changed' })
      set.keys.push({})
    }
  })
  await issuers[0]?.keys.start()
  await settle()
  fetched?.()
  await settle()
  t.equal(saved.length, 2)
  t.equal(saved[1], saved[0])
  t.match(saved[0], jwk.n as string)
})
