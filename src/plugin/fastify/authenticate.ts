/** Stages 1 to 5 in order: sets the principal on the request from its headers, or returns the refusal. */
import type { FastifyRequest } from 'fastify'
import { publishVerification, verificationStarted } from '../audit/verification-channel.js'
import { appOnlyHint } from '../authorization/app-only.js'
import { type Rule, scopesOf } from '../authorization/rules.js'
import type { Principal } from '../claims/principal.js'
import { isRefusal, type Refusal } from '../refusals/refusal.js'
import { scopeNameWith } from '../refusals/scope-name.js'
import { revocationRefusal } from '../revocation/is-revoked.js'
import { authOf, type RouteAuth } from '../routes/route-auth.js'
import { ruleOfRoute } from '../routes/route-guards.js'
import { admit } from '../verification/admit.js'
import { authorizationHeader, bearerToken, boundOf, uncheckedToken } from '../verification/bearer.js'
import { type VerifiedToken, type VerifierState, verifyToken } from '../verification/verify.js'
import { withEasyAuth } from './easy-auth.js'
import { hasPrincipal, setPrincipal } from './request-principal.js'

/** A refusal, or nothing. */
type Answer = Refusal | undefined | Promise<Refusal | undefined>

/**
 * Authenticates the caller of a route that requires or allows a token.
 *
 * @returns the refusal, or nothing when the principal is set or an unauthenticated request is allowed; a promise only when a
 * key is fetched, other requests go first, or a function of the application decides
 */
export function authenticate(request: FastifyRequest, verifier: VerifierState): Answer {
  const auth = authOf(request.routeOptions.config)
  if (auth === 'none') return undefined
  const started = verificationStarted()
  const header = authorizationHeader(request.raw.rawHeaders, boundOf(request.raw))
  const remembered = isRefusal(header) ? undefined : verifier.cache?.find(header)
  const answer = remembered ? known(request, remembered, verifier) : judged(request, header, auth, verifier)
  if (started === undefined) return answer
  const isKnown = remembered !== undefined
  return answer instanceof Promise
    ? answer.then((why) => told(request, started, isKnown, why))
    : told(request, started, isKnown, answer)
}

function told(request: FastifyRequest, started: number, isKnown: boolean, why: Refusal | undefined) {
  // Not an unauthenticated request on an optional route.
  if (why || hasPrincipal(request)) publishVerification(started, isKnown, why?.code)
  return why
}

function known(request: FastifyRequest, principal: Principal, verifier: VerifierState) {
  setPrincipal(request, principal)
  return stillValid(request, principal, verifier)
}

function judged(request: FastifyRequest, header: string | Refusal, auth: RouteAuth, verifier: VerifierState) {
  const token = isRefusal(header) ? header : (uncheckedToken(header) ?? bearerToken(header))
  if (isRefusal(token))
    return auth === 'optional' && token.code === 'credentials_missing' ? undefined : withEasyAuth(request, token)
  const answer = verifyToken(token, verifier)
  const checked = isMalformed(answer) ? bearerToken(String(header)) : token
  if (isRefusal(checked)) return withEasyAuth(request, checked)
  return answer instanceof Promise
    ? answer.then((settled) => admitted(request, settled, verifier))
    : admitted(request, answer, verifier)
}

const isMalformed = (answer: object) => isRefusal(answer) && answer.code === 'token_malformed'

function admitted(request: FastifyRequest, answer: VerifiedToken | Refusal, verifier: VerifierState): Answer {
  if (isRefusal(answer)) return answer
  const why = admit(answer, verifier, request.log)
  return why instanceof Promise
    ? why.then((settled) => enter(request, settled, answer, verifier))
    : enter(request, why, answer, verifier)
}

/** Sets the principal of a caller who is not refused. */
function enter(
  request: FastifyRequest,
  why: Refusal | undefined,
  verified: VerifiedToken,
  verifier: VerifierState
): Answer {
  if (!why) {
    setPrincipal(request, verified.principal)
    return stillValid(request, verified.principal, verifier)
  }
  return why.code === 'no_permissions' ? naming(ruleOfRoute(request), why, verified) : why
}

/** A user's token can get scopes: any helps, and those of the route open it. An app can request none (RFC 6749 §4.4). */
function naming(rule: Rule, why: Refusal, { principal, verification }: VerifiedToken): Refusal {
  const scopes = scopesOf(rule).map(scopeNameWith(verification.issuer.settings.profile.scopeBase))
  const asked =
    principal.kind === 'app'
      ? appOnlyHint(rule, principal) || ' This is an app-only token: have an administrator grant it a permission.'
      : scopes.length > 0 && ` Ask for ${scopes.join(' or ')}, or have an administrator grant a permission.`
  const detail = asked ? `The token has neither scopes nor roles for this API.${asked}` : why.detail
  return { ...why, detail, ...(scopes.length > 0 && { scopes }) }
}

/** A valid token may be revoked. Its principal stays on the request, for the audit of the refusal. */
function stillValid(
  request: FastifyRequest,
  principal: Principal,
  { isRevoked, keysTimeoutSeconds }: VerifierState
): Answer {
  return isRevoked && revocationRefusal({ isRevoked, keysTimeoutSeconds }, principal, request.log)
}
