/** Stage 5's end: whether a verified caller is let in at all, and for how long that may be remembered. */
import type { FastifyBaseLogger } from 'fastify'
import type { Answer } from './answers.js'
import { isRefusal, type Refusal, refusal } from './errors.js'
import { loggedError } from './logged-error.js'
import type { Profile } from './profile.js'
import { tenantNotAccepted } from './tenant.js'
import type { TokenCache } from './token-cache.js'
import type { Principal } from './types.js'
import type { Verified } from './verify.js'

const noPermissions = refusal('no_permissions')
const undecided = refusal('admission_unavailable', {
  detail: 'Whether this tenant may call cannot be said at the moment. Try again later.',
  retryAfterSeconds: 1
})

/**
 * Why a verified token opens no route, or `undefined`: then it is remembered, and what it may do is for the guards.
 *
 * @param log for a function of the application that fails
 */
export async function admit(
  { verification, principal }: Verified,
  cache: TokenCache | undefined,
  log: FastifyBaseLogger
): Promise<Refusal | undefined> {
  const { profile } = verification.issuer.settings
  const decision = profile.tenants && (await decide(profile.tenants, principal, log))
  if (isRefusal(decision)) return decision
  if (!hasPermissions(principal, profile)) return noPermissions
  cache?.add(verification, principal, decision?.until)
  return undefined
}

async function decide(
  tenants: NonNullable<Profile['tenants']>,
  { tenantId, claims }: Principal,
  log: FastifyBaseLogger
): Promise<Refusal | Answer<boolean>> {
  try {
    const decision = await tenants.decide(tenantId, claims)
    return decision.value ? decision : tenantNotAccepted(tenantId)
  } catch (error) {
    log.error({ err: loggedError(error), tenantId }, 'allowedTenants failed')
    return undecided
  }
}

/**
 * Any app of the tenant can get a token for any API of it, with nothing granted (Microsoft: "Protected web API: verify
 * scopes and app roles"): such a token opens no route.
 */
function hasPermissions({ scopes, roles, clientId }: Principal, { rolelessClients }: Profile): boolean {
  return scopes.length > 0 || roles.length > 0 || rolelessClients.has(clientId)
}
