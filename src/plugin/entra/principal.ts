/** Stage 5: builds the principal from verified claims. Never throws: an optional claim of an unexpected type is left out. */

import { frozenButClaims } from '../claims/freeze.js'
import type { AppPrincipal, Claims, Draft, Principal, UserPrincipal } from '../claims/principal.js'
import { displayOf, expiryOf, text, texts } from '../claims/read.js'
import { agentOf, clientAuthOf, hasMoreGroups, isAgent } from './caller-facts.js'
import { callerKindOf, scopesOf } from './caller-kind.js'
import { clientIdOf } from './checks.js'
import { isGuest, membershipOf } from './membership.js'

/** The principal of a token whose claims passed stage 4, which refuses tokens that show neither a user nor an app. */
export function toPrincipal(claims: Claims): Principal {
  const kind = callerKindOf(claims)
  const principal = kind === 'app' ? toApp(claims) : toUser(claims)
  const clientAuth = clientAuthOf(claims)
  const agent = agentOf(claims, kind)
  const actsAsAgent = isAgent(claims)
  if (clientAuth) principal.clientAuth = clientAuth
  if (agent) principal.agent = agent
  if (actsAsAgent !== undefined) principal.isAgent = actsAsAgent
  return frozenButClaims(principal)
}

function toApp(claims: Claims): Draft<AppPrincipal> {
  const { id, subject, issuer, tenantId, clientId, expiresAt, roles } = callerOf(claims)
  return {
    kind: 'app',
    provider: 'entra',
    id,
    subject,
    issuer,
    tenantId,
    clientId,
    expiresAt,
    roles,
    scopes: [],
    groups: [],
    claims
  }
}

/** Members are written one by one, as V8 takes ten times as long to spread objects into one (docs/performance.md). */
function toUser(claims: Claims): Draft<UserPrincipal> {
  const { id, subject, issuer, tenantId, clientId, expiresAt, roles } = callerOf(claims)
  const { name, email } = displayOf(claims)
  const membership = membershipOf(claims)
  const user: Draft<UserPrincipal> = {
    kind: 'user',
    provider: 'entra',
    membership,
    isGuest: isGuest(claims, membership),
    id,
    subject,
    issuer,
    tenantId,
    clientId,
    expiresAt,
    roles,
    scopes: scopesOf(claims),
    groups: texts(claims.groups),
    hasMoreGroups: hasMoreGroups(claims),
    claims
  }
  if (name !== undefined) user.name = name
  if (email !== undefined) user.email = email
  return user
}

/** The members that users and apps have in common. */
function callerOf(claims: Claims) {
  const subject = String(claims.sub)
  return {
    id: text(claims.oid) ?? subject,
    subject,
    issuer: String(claims.iss),
    tenantId: String(claims.tid),
    clientId: String(clientIdOf(claims)),
    expiresAt: expiryOf(claims),
    roles: texts(claims.roles)
  }
}
