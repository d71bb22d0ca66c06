/** Code or principal of every token of the hostile corpus, and of ten thousand seeded ones: a change of the verifier changes none of them. */
import fc from 'fast-check'
import t from 'tap'
import { createVerifier, type VerifierOptions } from '../../src/plugin/verifier-index.js'
import { audience } from '../hostile/provider.js'
import { randomTokens } from '../hostile/random-tokens.js'
import { nameOf } from '../hostile/row.js'
import type { Api } from '../hostile/server.js'
import { tables } from '../hostile/tables.js'
import { callerId, clientId, otherClientId, rolelessId, startWorld, tenantId } from '../hostile/world.js'
import { answerTo, checkGolden, explained, withoutTimes } from './golden.js'

const seed = 20_261_128
const numRuns = 5000

t.setTimeout(300_000)
// Ten thousand stack traces, each looked up in source maps, would take most of the time.
Error.stackTraceLimit = 0
const world = await startWorld()
world.publish(false)
const clients = { allowedClients: [callerId, otherClientId, rolelessId], rolelessClients: [rolelessId] }
const options: Record<Api, VerifierOptions> = {
  entra: { tenantId, clientId, authority: world.tenant.origin, keysTimeoutSeconds: 60, ...clients },
  oidc: { issuer: world.provider.issuer, audience, keysTimeoutSeconds: 60, ...clients }
}
const verifiers = { entra: createVerifier(options.entra), oidc: createVerifier(options.oidc) }
t.teardown(async () => {
  await Promise.all([verifiers.entra.close(), verifiers.oidc.close()])
  await world.close()
})

/** The port of the tenant changes as well. */
const stable = (principal: string) => withoutTimes(principal.replaceAll(world.tenant.origin, 'http://tenant'))

/** The verifier's answer, which is also what `explain` comes to. */
async function answer(token: string, api: Api): Promise<string> {
  const verifier = verifiers[api]
  return explained(token, await answerTo(token, verifier, stable), verifier)
}

t.test('the corpus', async (t) => {
  const found: Record<string, string> = {}
  for (const [table, rows] of Object.entries(tables))
    for (const row of rows)
      if (row.token) found[`${table}: ${nameOf(row)}`] = await answer(await row.token(world), row.api ?? 'entra')
  await checkGolden(t, 'corpus', found)
})

t.test('seeded tokens', async (t) => {
  const found: Record<string, string[]> = { entra: [], oidc: [] }
  for (const api of ['entra', 'oidc'] as const)
    for (const make of fc.sample(randomTokens(api), { seed, numRuns })) found[api]?.push(await answer(make(world), api))
  await checkGolden(t, 'seeded', found)
})
