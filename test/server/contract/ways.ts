/** Ways to be let in: as a route's guards have them, and as the document has them. Shares no code with what writes the document. */
import type { Rule } from '../../../src/plugin/index.js'
import type { Operation } from './document.js'

/** Claims that guards look into. */
export type Claim = 'scp' | 'roles' | 'groups' | 'acrs'

/** A value that a claim must hold. As text, so that a set tells equal ones. */
export type Ask = `${Claim} ${string}`

export type Caller = 'user' | 'app'

/** Who, with what in the token: of a way in, what is needed; of a token, what it holds. */
export interface Way {
  readonly caller: Caller
  readonly asks: readonly Ask[]
}

const anyone: readonly Way[] = [
  { caller: 'user', asks: [] },
  { caller: 'app', asks: [] }
]

/** Where a user's token holds what a rule names. */
const claims: Readonly<Record<string, Claim>> = { scope: 'scp', role: 'roles', group: 'groups', authContext: 'acrs' }

/** A way in sentences of findings. */
export function inWords({ caller, asks }: Way): string {
  return `${caller === 'user' ? 'a user' : 'an app'} with ${asks.length > 0 ? asks.join(', ') : 'nothing'}`
}

/**
 * Every way to satisfy a rule.
 *
 * @throws Error for a kind of rule that no token of this test is made for: it would be tested by tokens that miss it
 */
export function waysOf(rule: Rule): Way[] {
  switch (rule.kind) {
    case 'anyOf':
      return rule.rules.flatMap(waysOf)
    case 'allOf':
      return rule.rules.map(waysOf).reduce<Way[]>(both, [...anyone])
    case 'user':
    case 'member': // the user that tokens are made of is one
      return [{ caller: 'user', asks: [] }]
    case 'app':
      return [{ caller: 'app', asks: [] }]
    case 'appPermission':
      return [{ caller: 'app', asks: [`roles ${rule.name}`] }]
    default: {
      const claim = claims[rule.kind]
      if (!claim || !('name' in rule))
        throw new Error(`teach the contract test what passes a guard of kind ${rule.kind}`)
      return [{ caller: 'user', asks: [`${claim} ${rule.name}`] }]
    }
  }
}

function both(left: readonly Way[], right: readonly Way[]): Way[] {
  return left.flatMap(({ caller, asks }) =>
    right.filter((way) => way.caller === caller).map((way) => ({ caller, asks: [...new Set([...asks, ...way.asks])] }))
  )
}

const callers: Readonly<Record<string, Caller>> = { entraUser: 'user', entraApp: 'app' }

/**
 * Every way in that the document promises. Of a user it says scopes, of an app that it needs what it was granted; which roles
 * and permissions these are is in no member that clients agree on, so they are those of the guards of the route: of the ways
 * with the same scopes, or, where the guards have no such way, all that they name. A token then lacks nothing but what the
 * document does not say.
 *
 * @param scopeBase what scopes start with in the document, and do not in a token
 * @throws Error for a security scheme that no token of this test is made for
 */
export function documentedWays({ security = [] }: Operation, ofGuards: readonly Way[], scopeBase: string): Way[] {
  return security.flatMap(Object.entries<readonly string[]>).flatMap(([scheme, names]) => {
    const caller = callers[scheme]
    if (!caller) throw new Error(`teach the contract test who calls by ${scheme}`)
    const claim = caller === 'user' ? 'scp' : 'roles'
    const short = names.map((name) => (name.startsWith(scopeBase) ? name.slice(scopeBase.length) : name))
    const asks = short.filter((name) => name !== '.default').map((name): Ask => `${claim} ${name}`)
    const own = ofGuards.filter((way) => way.caller === caller)
    return others(asks, own).map((rest) => ({ caller, asks: [...new Set([...asks, ...rest])] }))
  })
}

const isScope = (ask: Ask) => ask.startsWith('scp ')

/** What guards ask for beside scopes, where they ask for these scopes. */
function others(asks: readonly Ask[], ofGuards: readonly Way[]): Ask[][] {
  const scopes = asks.filter(isScope)
  const isSame = (ask: readonly Ask[]) => ask.length === scopes.length && ask.every((each) => scopes.includes(each))
  const same = ofGuards.filter((way) => isSame(way.asks.filter(isScope)))
  const rest = (ways: readonly Way[]) => ways.map((way) => way.asks.filter((ask) => !isScope(ask)))
  return same.length > 0 ? rest(same) : [rest(ofGuards).flat()]
}
