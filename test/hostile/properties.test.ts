/** What holds for any bytes: a token with one byte changed is refused, and no Authorization header makes a 5xx. */
import fc from 'fast-check'
import t from 'tap'
import * as plugin from '../../src/plugin/index.js'
import * as problems from '../../src/server/problems.js'
import * as logging from '../../src/server/process/logging.js'
import { judge, logFailures, type Outcome } from './judge.js'
import { get, type Row } from './row.js'
import { startTarget } from './server.js'
import { answersIn, exchange } from './wire.js'
import { startWorld, type World } from './world.js'

const world = await startWorld()
const target = await startTarget({ plugin, problems, logging }, world)
t.teardown(async () => {
  await target.close()
  await world.close()
})

/** The same runs each time. */
const seed = 20_261_121
const token = world.token()
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

async function statusesOf(authorization: string): Promise<number[]> {
  return answersIn(await exchange(target.ports.entra, get('/me', `Authorization: ${authorization}`))).map(
    ({ status }) => status
  )
}

const refused = async (authorization: string) => {
  const statuses = await statusesOf(authorization)
  return statuses.length > 0 && statuses.every((status) => status >= 400 && status < 500)
}
/** White space around a field value is no part of it (RFC 9110 §5.5), so there a byte may come or go. */
const isPart = (byte: number) => byte !== 0x20 && byte !== 0x09

t.test('a good token, as it is', async (t) => {
  t.same(await statusesOf(`Bearer ${token}`), [200])
})

t.test('one byte of the token, replaced: 4xx', async () => {
  const property = fc.asyncProperty(fc.nat(token.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
    const bytes = Buffer.from(token, 'latin1')
    bytes[at] = (bytes[at] ?? 0) ^ by
    fc.pre(at < token.length - 1 || isPart(bytes[at]))
    return refused(`Bearer ${latin1(bytes)}`)
  })
  await fc.assert(property, { seed, numRuns: 600 })
})

t.test('one byte of the token, left out: 4xx', async () => {
  const property = fc.asyncProperty(fc.nat(token.length - 1), (at) =>
    refused(`Bearer ${token.slice(0, at)}${token.slice(at + 1)}`)
  )
  await fc.assert(property, { seed, numRuns: 200 })
})

t.test('one byte more in the token: 4xx', async () => {
  const property = fc.asyncProperty(fc.nat(token.length), fc.nat(255), (at, byte) => {
    fc.pre(at < token.length || isPart(byte))
    return refused(`Bearer ${token.slice(0, at)}${String.fromCharCode(byte)}${token.slice(at)}`)
  })
  await fc.assert(property, { seed, numRuns: 300 })
})

const bytes = fc.uint8Array({ maxLength: 400 }).map(latin1)
const words = fc
  .array(
    fc.constantFrom('Bearer', 'bearer', ' ', '\t', ',', '.', '=', '"', '..', token, 'eyJhbGciOiJub25lIn0', 'é', '%')
  )
  .map((parts) => parts.slice(0, 8).join(''))
const json = fc
  .tuple(fc.jsonValue(), fc.jsonValue(), fc.base64String())
  .map(([header, payload, end]) =>
    ['Bearer ', Buffer.from(JSON.stringify(header)).toString('base64url'), '.']
      .concat(Buffer.from(JSON.stringify(payload)).toString('base64url'), '.', end)
      .join('')
  )

for (const [name, values] of Object.entries({ 'any bytes': bytes, 'words of the grammar': words, 'any JSON': json })) {
  t.test(`${name} as an Authorization header: never a 5xx`, async () => {
    const property = fc.asyncProperty(values, async (value) => {
      const statuses = await statusesOf(value)
      return statuses.length > 0 && statuses.every((status) => status < 500)
    })
    await fc.assert(property, { seed, numRuns: 400 })
  })
}

/** Members of the accepted token replaced by any JSON, signed by the tenant. */
const members = (make: (world: World) => object) =>
  fc.tuple(fc.constantFrom(...Object.keys(make(world))), fc.jsonValue())

t.test(
  'any JSON as a claim or a header parameter, signed: an answer that is none of 5xx and shows nothing',
  async (t) => {
    const before = target.logged().length
    const outcomes: Outcome[] = []
    const property = fc.asyncProperty(
      fc.boolean(),
      members((each) => each.user()),
      members((each) => each.header()),
      async (isClaim, claim, parameter) => {
        const [name, value] = isClaim ? claim : parameter
        const signed = isClaim ? world.token({ [name]: value }) : world.token({}, { [name]: value })
        const row: Row = { rule: 'any JSON', change: name, is: '', token: () => signed }
        const outcome = await judge(row, world, target)
        outcomes.push(outcome)
        return outcome.failures.every((failure) => /^answers (200,|40[13] )/.test(failure))
      }
    )
    await fc.assert(property, { seed, numRuns: 500 })
    t.same(logFailures(target.logged().slice(before), outcomes), [], 'the log holds no token and no internals')
  }
)

t.test('a good token, still', async (t) => {
  t.same(await statusesOf(`Bearer ${token}`), [200])
})
