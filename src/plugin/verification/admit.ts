/** The end of stage 5: whether a verified caller may call at all, and for how long that is cached. */

import { withFrozenClaims } from '../claims/freeze.js'
import type { Principal } from '../claims/principal.js'
import type { Admission, TokenRules } from '../issuers/token-rules.js'
import { loggedError } from '../lib/logged-error.js'
import type { Logger } from '../lib/logger.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import type { VerifiedToken, VerifierState } from './verify.js'

const noPermissions = refusal('no_permissions')
const undecided = refusal('admission_unavailable', {
  detail: 'This API cannot determine at the moment whether this tenant may call. Try again later.',
  retryAfterSeconds: 1
})

/**
 * The refusal of a verified token that may call no route, or `undefined`: then the token is cached, and guards decide what it may do. A
 * promise only where a function of the application decides.
 *
 * @param log for a function of the application that fails
 */
export function admit(
  token: VerifiedToken,
  state: Pick<VerifierState, 'cache' | 'verified'>,
  log: Logger
): Refusal | undefined | Promise<Refusal | undefined> {
  const { profile } = token.verification.issuer.settings
  if (!profile.admit) return enter(token, state)
  return decide(profile.admit, token.principal, log).then(({ refusal, until }) => refusal ?? enter(token, state, until))
}

/** @param until as {@link Admission.until} */
function enter(
  { verification, principal }: VerifiedToken,
  { cache, verified }: Pick<VerifierState, 'cache' | 'verified'>,
  until?: number
): Refusal | undefined {
  if (!hasPermissions(principal, verification.issuer.settings.profile)) return noPermissions
  verified.add(principal, verification)
  cache?.add(verification, principal, until)
  return undefined
}

/** Whether a caller may still call, by the function of the application that decides on its directory, if there is one. */
export async function admissionRefusal(
  principal: Principal,
  { admit }: TokenRules,
  log: Logger
): Promise<Refusal | undefined> {
  return admit && (await decide(admit, principal, log)).refusal
}

async function decide(
  admitted: NonNullable<TokenRules['admit']>,
  principal: Principal,
  log: Logger
): Promise<Admission> {
  try {
    return await admitted(withFrozenClaims(principal))
  } catch (error) {
    log.error({ err: loggedError(error), tenantId: principal.tenantId }, 'allowedTenants failed')
    return { refusal: undecided }
  }
}

/**
 * Any app of the tenant can get a token for any API in it without any permission (Microsoft: "Protected web API: verify scopes and app
 * roles"): such a token may call no route. Where groups are grants they count; no app has any.
 */
export function hasPermissions(principal: Principal, { rolelessClients, groupsAreGrants }: TokenRules): boolean {
  const { scopes, roles, groups, clientId } = principal
  const isInGroups = groupsAreGrants && groups.length > 0
  return scopes.length > 0 || roles.length > 0 || isInGroups || rolelessClients.has(clientId)
}
