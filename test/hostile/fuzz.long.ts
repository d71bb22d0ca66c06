/**
 * Any bytes as an Authorization header, and any change to a valid token, over raw sockets: an answer that is no 5xx and shows nothing, a 200
 * for nothing but the token itself, and a server that lives. `FUZZ_SEED` repeats the runs of an output, `FUZZ_RUNS` says how many there are.
 */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import * as plugin from '../../src/plugin/index.js'
import { type RefusalCode, refusal } from '../../src/plugin/refusals/refusal.js'
import * as problems from '../../src/server/problems.js'
import * as logging from '../../src/server/process/logging.js'
import { overHttp2 } from './http2.js'
import { internals, leaks, pieces } from './judge.js'
import { ecdsa, mint, rsa } from './mint.js'
import { edits, type Mutation, mutations } from './mutations.js'
import { get } from './row.js'
import { type Api, startTarget } from './server.js'
import { type Answer, answersIn, exchange } from './wire.js'
import { startWorld } from './world.js'

const seed = Number(process.env.FUZZ_SEED ?? 20_261_205)
const numRuns = Number(process.env.FUZZ_RUNS ?? 1000)
t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)

const world = await startWorld()
const sources = { plugin, problems, logging }
const target = await startTarget(sources, world)
const target2 = await startTarget(sources, world, { apis: ['entra'], http2: true })
t.teardown(async () => {
  await Promise.all([target.close(), target2.close()])
  await world.close()
})

/** What an API refuses by itself, beside {@link RefusalCode}: by status. */
const ofServer: Readonly<Record<string, number>> = { bad_request: 400, headers_too_large: 431 }

/** What is wrong with an answer that is no 200. */
function failuresOf({ status, headers, body, text }: Answer, sent: string): string[] {
  const { code, ...problem } = JSON.parse(body) as { code: string; status: number }
  const expected = Object.hasOwn(ofServer, code) ? ofServer[code] : refusal(code as RefusalCode).status
  return [
    ...(status < 500 || code === 'tenant_unavailable' ? [] : ['a 5xx, and the keys are there']),
    ...(status === expected && status === problem.status ? [] : [`${status} ${code}`]),
    ...(/^application\/problem\+json/.test(headers.get('content-type') ?? '') ? [] : ['no problem']),
    ...(headers.get('cache-control') === 'no-store' ? [] : ['may be cached']),
    ...(status === 401 && !headers.has('www-authenticate') ? ['no challenge'] : []),
    ...(internals.test(text) ? ['internals'] : []),
    ...(leaks(sent, pieces(text)) ? ['a part of the token is shown'] : [])
  ]
}

const overHttp1 = async (port: number, bytes: string) => answersIn(await exchange(port, bytes))
const request = (authorization: string) => get('/me', `Authorization: ${authorization}`)

/** The field's value as HTTP has it (RFC 9110 §5.5), where it ends in its line: the token alone, by its scheme. */
const isValid = (authorization: string, token: string) => {
  const [value = ''] = authorization.split('\r\n')
  return value.replace(/^[ \t]+|[ \t]+$/g, '').replace(/^bearer /i, '') === token && /^[ \t]*bearer /i.test(value)
}

/**
 * What is wrong with the answers to a header.
 *
 * @param isGood whether a 200 is right
 * @param sent text that must not be shown
 */
async function failures(authorization: string, isGood: boolean, sent = authorization, api: Api = 'entra') {
  const answers = await overHttp1(target.ports[api], request(authorization))
  if (answers.length === 0) return ['no answer']
  return answers.flatMap((answer) => (answer.status === 200 ? (isGood ? [] : ['200']) : failuresOf(answer, sent)))
}

const none = (found: readonly string[]) => {
  if (found.length > 0) throw new Error(found.join(', '))
}

async function check(t: Test, property: fc.IAsyncProperty<unknown>, runs = numRuns) {
  await fc.assert(property, { seed, numRuns: runs })
  t.same(await failures(`Bearer ${tokens.entra}`, true), [], 'a good token, still')
}

const tokens = { entra: world.token(), oidc: world.provider.token() } as const
const others = [world.token({ roles: ['Admin'] }), world.appToken(), world.v1Token(), tokens.oidc]
const valid: ReadonlySet<string> = new Set([tokens.entra, ...others])

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const anyBytes = fc.uint8Array({ maxLength: 1000 }).map(latin1)
const words = [
  'Bearer',
  'bearer',
  'BEARER',
  ' ',
  ' ',
  '\t',
  ',',
  '=',
  '"',
  '..',
  '\r\n',
  '\0',
  '\u0080',
  'Basic',
  'DPoP'
]
const headers = fc.oneof(
  anyBytes,
  anyBytes.map((bytes) => `Bearer ${bytes}`),
  fc
    .array(fc.constantFrom(...words, tokens.entra, ...others.slice(0, 2)), { maxLength: 8 })
    .map((parts) => parts.join('')),
  fc.array(fc.constantFrom(...'ABCxyz019-_.~+/='), { maxLength: 300 }).map((parts) => `Bearer ${parts.join('')}`),
  fc.nat(20_000).map((length) => `Bearer ${'a.'.repeat(length / 2)}`)
)

t.test('any bytes as an Authorization header', async (t) => {
  const property = fc.asyncProperty(headers, async (value) => {
    const isGood = [tokens.entra, ...others].some((token) => isValid(value, token))
    none(await failures(value, isGood, tokens.entra))
  })
  await check(t, property)
})

t.test('any bytes as an Authorization header, over HTTP/2', async (t) => {
  const property = fc.asyncProperty(headers, async (value) => {
    fc.pre(!value.includes('\r\n')) // there are no lines
    const isGood = [tokens.entra, ...others].some((token) => isValid(value, token))
    const [answer] = await overHttp2(target2.ports.entra, request(value))
    if (answer?.status === 200) return none(isGood ? [] : ['200'])
    none(answer && answer.status > 0 ? failuresOf(answer, tokens.entra) : []) // or it is reset
  })
  await check(t, property, Math.ceil(numRuns / 4))
})

for (const api of ['entra', 'oidc'] as const) {
  t.test(`any change to a valid token, ${api}`, async (t) => {
    const own = tokens[api]
    const property = fc.asyncProperty(mutations(others), async (mutate: Mutation) => {
      const mutated = mutate(own)
      const sent = `Bearer ${mutated}`
      const isGood = [...valid].some((token) => isValid(sent, token))
      fc.pre(!isGood || mutated === own)
      none(await failures(sent, isGood, mutated.length < 8 ? own : mutated, api))
    })
    await check(t, property)
  })

  t.test(`any change to header and payload, signed, ${api}: no 5xx, and nothing is shown`, async (t) => {
    const [header = '', payload = ''] = tokens[api].split('.').map((part) => Buffer.from(part, 'base64url').toString())
    const signature = api === 'entra' ? rsa(world.keys.main) : ecdsa(world.provider.keys.p256)
    const property = fc.asyncProperty(edits, async (edit) => {
      const signed = mint(edit.header(header), edit.payload(payload), signature)
      none(await failures(`Bearer ${signed}`, true, signed, api))
    })
    await check(t, property)
  })
}

t.test('the log holds no part of a valid token', async (t) => {
  const seen = pieces(target.logged() + target2.logged())
  t.same(
    [...valid].filter((token) => leaks(token, seen)),
    []
  )
})
