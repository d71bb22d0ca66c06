/** Each check of a token, left out by its name: a token of the corpus that only this check refuses is then accepted. */
import t from 'tap'
import { startEngine } from '../../src/plugin/engine.js'
import type { Check } from '../../src/plugin/issuers/token-rules.js'
import { type EntraOptions, type Settings, toSettings } from '../../src/plugin/options.js'
import { isRefusal } from '../../src/plugin/refusals/refusal.js'
import { verifyToken } from '../../src/plugin/verification/verify.js'
import { createVerifier } from '../../src/plugin/verifier-index.js'
import { audience } from '../hostile/provider.js'
import type { Api } from '../hostile/server.js'
import { tables } from '../hostile/tables.js'
import { callerId, clientId, otherClientId, rolelessId, startWorld, tenantId } from '../hostile/world.js'

t.setTimeout(120_000)
const world = await startWorld()
world.publish(false)
t.teardown(() => world.close())
const clients = { allowedClients: [callerId, otherClientId, rolelessId], rolelessClients: [rolelessId] }
const options: Record<Api, EntraOptions> = {
  entra: { tenantId, clientId, authority: world.tenant.origin, keysTimeoutSeconds: 60, ...clients },
  oidc: { issuer: world.provider.issuer, audience, keysTimeoutSeconds: 60, ...clients }
}

const log = { info() {}, warn() {}, error() {} }
const engineLog = { log, logFor: () => log, isSilent: () => true }

const checksOf = ({ issuers }: Settings): Check[] => issuers.flatMap(({ profile }) => profile.checks)

/** Settings whose tokens meet all checks but one. */
function without(id: string, settings: Settings): Settings {
  const issuers = settings.issuers.map((issuer) => ({
    ...issuer,
    profile: { ...issuer.profile, checks: issuer.profile.checks.filter((check) => check.id !== id) }
  }))
  return { ...settings, issuers: issuers as unknown as Settings['issuers'] }
}

for (const api of ['entra', 'oidc'] as const)
  t.test(api, async (t) => {
    const verifier = createVerifier(options[api])
    t.teardown(() => verifier.close())
    const refusedBy = new Map<string, string>()
    for (const row of Object.values(tables).flat())
      if (row.token && (row.api ?? 'entra') === api) {
        const token = await row.token(world)
        // What it grants is undecided as soon as one check fails.
        const failed = (await verifier.explain(token)).checks.filter(
          ({ id, outcome }) => outcome !== 'passed' && id !== 'permissions'
        )
        if (failed.length === 1 && failed[0]) refusedBy.set(failed[0].id, token)
      }
    const settings = toSettings(options[api])
    for (const id of new Set(checksOf(settings).map((check) => check.id))) {
      if (id === 'entra.tenant') continue // of one tenant the issuer says it; `test/products` has several
      const token = refusedBy.get(id)
      t.ok(token, `${id}: a token of the corpus that nothing else refuses`)
      const engine = await startEngine(without(id, settings), engineLog)
      t.teardown(() => engine.close())
      await engine.firstTry()
      const answer = await verifyToken(String(token), engine.verifier)
      t.equal(isRefusal(answer) ? answer.code : 'accepted', 'accepted', `${id}, left out`)
    }
  })
