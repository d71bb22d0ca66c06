/** What a token says of itself, in words. Nothing of it is proven. */
import { actorsOf } from '../claims/actors.js'
import { isOtherToken } from '../claims/other-tokens.js'
import type { AgentFlow, Claims } from '../claims/principal.js'
import { text, words } from '../claims/read.js'
import { agentOf, hasMoreGroups } from '../entra/caller-facts.js'
import { callerKindOf } from '../entra/caller-kind.js'
import { membershipOf } from '../entra/membership.js'
import { microsoftApiOf } from '../entra/microsoft-apis.js'
import { shown } from '../lib/validate.js'
import type { DecodedToken } from '../verification/decode.js'

/** One fact, such as `caller` and `a user, a guest of the directory`. */
export interface Fact {
  readonly name: string
  readonly value: string
}

/** The facts that help to find a mistake, in the order in which one looks. */
export function factsOf({ header, payload }: DecodedToken): readonly Fact[] {
  const isEntra = payload.ver === '1.0' || payload.ver === '2.0' || typeof payload.tfp === 'string'
  const { iss, aud, azp, appid, client_id, scp, scope, roles, groups } = payload
  const facts: (readonly [string, unknown])[] = [
    ['token', kindOf(payload, isEntra)],
    ['issuer (iss)', iss],
    ['API (aud)', aud],
    ['client', payload.ver === '1.0' ? appid : (azp ?? client_id)],
    ['caller', isEntra ? callerOf(payload) : undefined],
    ['agent', isEntra ? agentIn(payload) : undefined],
    ['actor (act)', isEntra ? undefined : actorsIn(payload)],
    ['scopes', scp ?? scope],
    ['roles', roles],
    ['groups', hasMoreGroups(payload) ? tooManyGroups : groups],
    ['key (kid)', header.kid],
    ['valid', validityOf(payload)],
    ['not in it', isEntra && !isIdToken(payload) ? missingOf(payload) : undefined]
  ]
  return facts.flatMap(([name, value]) => {
    if (value === undefined) return []
    return [{ name, value: plainFacts.has(name) ? String(value) : shown(value) }]
  })
}

/** Sentences of this file; other values are the token's own. */
const plainFacts = new Set(['token', 'caller', 'agent', 'actor (act)', 'valid', 'not in it'])

const tooManyGroups = 'more than fit into a token (groups overage): requireGroup looks them up by the option groups'

const isIdToken = (claims: Claims) => isOtherToken(claims) || claims.token_use === 'id' || claims.typ === 'ID'

function kindOf(claims: Claims, isEntra: boolean): string {
  const version = !isEntra
    ? ''
    : typeof claims.tfp === 'string'
      ? ' of Azure AD B2C'
      : ` of Entra, version ${claims.ver}`
  if ('events' in claims) return 'a logout token or security event: no API accepts it'
  if (isIdToken(claims)) return `an ID token${version}: it tells a client who signed in, and no API accepts it`
  const api = microsoftApiOf(claims.aud)
  return api ? `an access token for ${api}${version}: only that API can verify it` : `an access token${version}`
}

function callerOf(claims: Claims): string {
  const kind = callerKindOf(claims)
  if (kind === 'unknown') return 'not shown: neither a user nor an app'
  const agent = agentOf(claims, kind)
  if (kind === 'app') return `an app that calls for itself${agent ? ', an AI agent' : ''}`
  const member = { member: ', a member of the directory', guest: ', a guest of the directory', unknown: '' }
  return `a user${member[membershipOf(claims)]}${agent ? through[agent.flow] : ''}`
}

const through: Readonly<Record<AgentFlow, string>> = {
  onBehalfOf: ', through an AI agent',
  agentUser: ': the user account of an AI agent',
  autonomous: '', // of apps only
  unknown: ', through an AI agent'
}

const flows: Readonly<Record<AgentFlow, string>> = {
  onBehalfOf: 'acts on behalf of the user',
  agentUser: 'acts for itself, by a user account of its own',
  autonomous: 'acts for itself',
  unknown: 'acts, and the token does not show for whom (xms_act_fct, xms_sub_fct)'
}

/** For whom an agent acts, and its blueprint. */
function agentIn(claims: Claims): string | undefined {
  const agent = agentOf(claims, callerKindOf(claims))
  if (!agent) return undefined
  const { flow, parentClientId } = agent
  return `${flows[flow]}; its blueprint (xms_par_app_azp) is ${parentClientId === undefined ? 'not in the token' : shown(parentClientId)}`
}

/** Who acts for the subject, the current actor first (RFC 8693 §4.1). */
function actorsIn(claims: Claims): string | undefined {
  const actors = actorsOf(claims)
  if (!actors) return 'not shown: without a sub of each actor, or with too many of them, a token is refused'
  return actors.length === 0 ? undefined : actors.map(({ subject }) => shown(subject)).join(', for whom acted before ')
}

function validityOf({ nbf, exp }: Claims): string | undefined {
  if (typeof exp !== 'number') return undefined
  const now = Date.now() / 1000
  const left = Math.round(exp - now)
  if (typeof nbf === 'number' && nbf > now) return `not yet: from ${duration(nbf - now)} from now`
  return left > 0 ? `for another ${duration(left)}` : `no longer: it expired ${duration(-left)} ago`
}

const units: readonly [string, number][] = [
  ['days', 86_400],
  ['hours', 3600],
  ['minutes', 60],
  ['seconds', 1]
]

/** In the largest unit of which there are two. */
function duration(seconds: number): string {
  const [unit, size] = units.find(([, each]) => seconds >= 2 * each) ?? ['seconds', 1]
  return `${Math.floor(seconds / size)} ${unit}`
}

/** Optional claims, and what needs each (README, "Set up your tenant"). */
const optionalClaims: readonly (readonly [string, string, 'user' | 'any'])[] = [
  ['idtyp', 'user or app, if scp, oid and sub do not show it', 'any'],
  ['acct', 'requireMember', 'user'],
  ['groups', 'requireGroup', 'user'],
  ['acrs', 'requireAuthContext', 'user'],
  ['auth_time', 'requireAuthAge', 'user'],
  ['sid', 'revocation by session', 'user'],
  ['xms_cc', 'claims challenges, if the client declares cp1', 'user'],
  ['xms_act_fct', 'requireAgent, requireHuman', 'any'],
  ['xms_sub_fct', 'requireAgent, requireHuman', 'any']
]

function missingOf(claims: Claims): string | undefined {
  const isUser = words(claims.scp).length > 0 || text(claims.scp) !== undefined
  const missing = optionalClaims.filter(
    ([name, , kind]) => !(name in claims) && (kind === 'any' || isUser) && !(name === 'groups' && hasMoreGroups(claims))
  )
  if (missing.length === 0) return undefined
  const named = missing.map(([name, use]) => `${name} (${use})`).join(', ')
  return `${named}; if your guards need one: the API's registration, Token configuration, Add optional claim, Access`
}
