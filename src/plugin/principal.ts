/** Stage 5: verified claims → principal. Total: an optional claim in an odd shape is left out, and never an error. */
import { agentOf, clientAuthOf, hasMoreGroups, isGuest } from './caller-facts.js'
import { deepFreeze, displayOf, text, texts, words } from './claims.js'
import { clientIdOf } from './tenant.js'
import type { AppPrincipal, Claims, Principal, UserPrincipal } from './types.js'

/** As it is built: members are written one by one, as V8 takes ten times as long to spread objects into one (docs/performance.md). */
type Draft<P extends Principal> = { -readonly [Name in keyof P]: P[Name] }

/** Who the token speaks for. Claims are those that stage 4 passed. */
export function toPrincipal(claims: Claims): Principal {
  const principal = isAppOnly(claims) ? toApp(claims) : toUser(claims)
  const clientAuth = clientAuthOf(claims)
  const agent = agentOf(claims)
  if (clientAuth) principal.clientAuth = clientAuth
  if (agent) principal.agent = agent
  return deepFreeze(principal)
}

/**
 * `idtyp` says it where sent (an optional claim). Else it is an app's only without a scope (none, empty, or a lone `/`, as
 * has been seen) and with `oid` equal to `sub`: a user's `sub` is pairwise and differs (Microsoft: "Protected web API: verify
 * scopes and app roles"), so that a user's roles are not taken for an app's permissions in a token that came without `scp`.
 */
function isAppOnly(claims: Claims): boolean {
  if (typeof claims.idtyp === 'string') return claims.idtyp === 'app'
  const hasNoScope = claims.scp === undefined || (typeof claims.scp === 'string' && scopesOf(claims).length === 0)
  return hasNoScope && claims.oid === claims.sub
}

function toApp(claims: Claims): Draft<AppPrincipal> {
  const { id, subject, issuer, tenantId, clientId, roles } = callerOf(claims)
  return { kind: 'app', id, subject, issuer, tenantId, clientId, roles, scopes: [], groups: [], claims }
}

function toUser(claims: Claims): Draft<UserPrincipal> {
  const { id, subject, issuer, tenantId, clientId, roles } = callerOf(claims)
  const { name, email } = displayOf(claims)
  const user: Draft<UserPrincipal> = {
    kind: 'user',
    isGuest: isGuest(claims),
    id,
    subject,
    issuer,
    tenantId,
    clientId,
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

/** What is there for users and apps alike. */
function callerOf(claims: Claims) {
  const subject = String(claims.sub)
  return {
    id: text(claims.oid) ?? subject,
    subject,
    issuer: String(claims.iss),
    tenantId: String(claims.tid),
    clientId: String(clientIdOf(claims)),
    roles: texts(claims.roles)
  }
}

/** `scp` is one string; a lone slash has been seen where there are none. */
function scopesOf({ scp }: Claims): readonly string[] {
  const scopes = words(scp)
  return scopes.includes('/') ? scopes.filter((scope) => scope !== '/') : scopes
}
