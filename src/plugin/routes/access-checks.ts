/** Checks that need all routes. */

import { groupIdsOf } from '../authorization/groups.js'
import { describe, mentions, permissionsIn, type Rule } from '../authorization/rules.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { guid, shown } from '../lib/validate.js'
import type { AccessEntry } from './access-entry.js'

/**
 * Refuses one permission in two spellings: a caller who holds one does not hold the other, so a typing error closes a route for everyone.
 *
 * @throws EntraConfigurationError with both, and a route of each
 */
export function refuseSpellings(entries: readonly AccessEntry[]): void {
  const first = new Map<string, { words: string; where: string }>()
  for (const { method, url, rule } of entries) {
    // By description, which distinguishes a scope from a role of the same name.
    for (const words of rule ? permissionsIn(rule).map((rule) => describe(rule)) : []) {
      const where = `${method} ${url}`
      const known = first.get(words.toLowerCase()) ?? { words, where }
      first.set(words.toLowerCase(), known)
      if (known.words === words) continue
      const both = `${known.where} requires ${known.words}, and ${where} requires ${words}`
      throw new EntraConfigurationError(`${both}; names are case-sensitive, so write both alike`)
    }
  }
}

/**
 * Refuses `requireMember`, `requireAgent` and `requireHuman` if no issuer is a directory of Entra: such a guard, or such a part of one, can never be
 * satisfied.
 *
 * @throws EntraConfigurationError with the routes
 */
export function refuseDirectoryRules(entries: readonly AccessEntry[]): void {
  const [members, agents, people] = [
    routesWith(entries, 'member'),
    routesWith(entries, 'agent'),
    routesWith(entries, 'human')
  ]
  const noGuests = 'as only Microsoft Entra has guests (and Azure AD B2C has none)'
  const noMember = `no token of these issuers shows a member, ${noGuests}`
  if (members)
    throw new EntraConfigurationError(`${members} has requireMember, and ${noMember}; use requireUser or another guard`)
  const noAgents = 'as only Microsoft Entra has Agent ID (and Azure AD B2C has none)'
  const noAgent = `no token of these issuers shows an AI agent, ${noAgents}`
  if (agents)
    throw new EntraConfigurationError(`${agents} has requireAgent, and ${noAgent}; use requireClient or another guard`)
  const noHuman = `no token of these issuers shows that no AI agent acts, ${noAgents}`
  if (people)
    throw new EntraConfigurationError(`${people} has requireHuman, and ${noHuman}; use requireUser or another guard`)
}

/** The routes with a rule of this kind, for messages; `undefined` if there are none. */
function routesWith(entries: readonly AccessEntry[], kind: Rule['kind']): string | undefined {
  const routes = entries.filter(({ rule }) => rule && mentions(rule, kind))
  return routes.length > 0 ? named(routes) : undefined
}

/**
 * Sentences about `requireGroup` by a name, where all issuers are Entra's: their tokens list the object IDs of groups, unless the registration
 * emits the names of synchronized groups, which this plugin compares as they are.
 */
export function groupsByName(entries: readonly AccessEntry[]): readonly string[] {
  return entries.flatMap(({ method, url, rule }) => {
    const name = rule && groupIdsOf([rule]).find((each) => !guid.test(each))
    if (name === undefined) return []
    const fix = 'give the Object ID of that group, a GUID'
    return [`${method} ${url} has requireGroup(${shown(name)}), and Microsoft Entra lists groups by object ID; ${fix}`]
  })
}

type Route = Pick<AccessEntry, 'method' | 'url'>

/**
 * Refuses routes without a declaration of who may call.
 *
 * @param undecided those without a guard and without `config.auth`
 * @param unseen those declared before the plugin was registered
 * @throws EntraConfigurationError with all of them
 */
export function refuseUndecided(undecided: readonly Route[], unseen: readonly Route[]): void {
  const anyToken = "give each a guard, or write config: { auth: 'required' } where any valid token may call"
  const first = 'register fastify-entra first, and await it'
  const undeclared = `neither a guard nor config.auth is declared for ${named(undecided)}; ${anyToken}`
  const early = `the plugin cannot check routes that were declared before it: ${named(unseen)}; ${first}`
  if (undecided.length + unseen.length === 0) return
  const one = undecided.length > 0 ? undeclared : early
  const isBoth = undecided.length > 0 && unseen.length > 0
  throw new EntraConfigurationError(`strictRoutes: ${isBoth ? `${undeclared}; and ${early}` : one}`)
}

/** A HEAD that Fastify adds is named with its GET. */
export function named(routes: readonly Route[]): string {
  const names = routes.map(({ method, url }) => `${method} ${url}`)
  return names.filter((name) => !name.startsWith('HEAD ') || !names.includes(name.replace('HEAD', 'GET'))).join(', ')
}
