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
    case 'human': // and a person
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

/** What `x-access` says of one rule, and whom it lets in. */
const sentences: readonly [words: RegExp, caller: Caller, claim?: Claim][] = [
  [/^the scope (\S+)$/, 'user', 'scp'],
  [/^the role (\S+), held by a user$/, 'user', 'roles'],
  [/^the application permission (\S+)$/, 'app', 'roles'],
  [/^a user in the group (\S+)$/, 'user', 'groups'],
  [/^a sign-in with the authentication context (\S+)$/, 'user', 'acrs'],
  [/^a user(?: who is a member of the directory \(no guest, no AI agent\)| who is a person \(no AI agent\))?$/, 'user'],
  [/^an app-only token$/, 'app']
]

/**
 * Who may call, read back from the words for people.
 *
 * @throws Error for words that no token of this test is made for
 */
export function waysInWords(words: string): Way[] {
  const [or, and] = [', or ', ', and '].map((by) => partsOf(words, by))
  if (or && or.length > 1) return or.flatMap(waysInWords)
  if (and && and.length > 1) return and.map(waysInWords).reduce<Way[]>(both, [...anyone])
  const [, inner] = /^\((.*)\)$/.exec(words) ?? []
  if (inner !== undefined) return waysInWords(inner)
  for (const [pattern, caller, claim] of sentences) {
    const [found, name] = pattern.exec(words) ?? []
    if (found) return [{ caller, asks: claim ? [`${claim} ${name}`] : [] }]
  }
  throw new Error(`teach the contract test who passes "${words}"`)
}

/** The parts between these words, where they stand in no parentheses. */
function partsOf(words: string, by: string): string[] {
  const parts: string[] = []
  for (const piece of words.split(by)) {
    const open = parts.at(-1)
    const depth = (open ?? '').split('(').length - (open ?? '').split(')').length
    if (open !== undefined && depth > 0) parts[parts.length - 1] = open + by + piece
    else parts.push(piece)
  }
  return parts
}

/**
 * Every way in that the document promises. `security` says of a user the scopes, and of an app that it needs what it was granted; which
 * roles, permissions and groups go with them is in `x-access`, in words: in the ways with the same scopes, or, where it has no such way,
 * in all of them.
 *
 * @param scopeBase what scopes start with in the document, and do not in a token
 * @throws Error for a security scheme that no token of this test is made for
 */
export function documentedWays({ security = [], 'x-access': words }: Operation, scopeBase: string): Way[] {
  const inAccess = words === undefined ? anyone : waysInWords(words)
  return security.flatMap(Object.entries<readonly string[]>).flatMap(([scheme, names]) => {
    const caller = callers[scheme]
    if (!caller) throw new Error(`teach the contract test who calls by ${scheme}`)
    const claim = caller === 'user' ? 'scp' : 'roles'
    const short = names.map((name) => (name.startsWith(scopeBase) ? name.slice(scopeBase.length) : name))
    const asks = short.filter((name) => name !== '.default').map((name): Ask => `${claim} ${name}`)
    const own = inAccess.filter((way) => way.caller === caller)
    return others(asks, own).map((rest) => ({ caller, asks: [...new Set([...asks, ...rest])] }))
  })
}

const isScope = (ask: Ask) => ask.startsWith('scp ')

/** What is asked for beside scopes, where these scopes are asked for. */
function others(asks: readonly Ask[], ways: readonly Way[]): Ask[][] {
  const scopes = asks.filter(isScope)
  const isSame = (ask: readonly Ask[]) => ask.length === scopes.length && ask.every((each) => scopes.includes(each))
  const same = ways.filter((way) => isSame(way.asks.filter(isScope)))
  const rest = (those: readonly Way[]) => those.map((way) => way.asks.filter((ask) => !isScope(ask)))
  return same.length > 0 ? rest(same) : [rest(ways).flat()]
}

/** Extensions of an operation that list names, and where a caller holds these. */
const lists = [
  ['x-roles', 'user', 'roles'],
  ['x-application-permissions', 'app', 'roles'],
  ['x-groups', 'user', 'groups']
] as const satisfies [keyof Operation, Caller, Claim][]

/** Where the lists of an operation, and its security, say something else than its words. */
export function wordFindings(name: string, operation: Operation, scopeBase: string): string[] {
  const { 'x-access': words, security = [] } = operation
  const ways = words === undefined ? anyone : waysInWords(words)
  const found = lists.flatMap(([list, caller, claim]) => {
    const listed = [...(operation[list] ?? [])].sort().join(', ')
    const said = namesIn(ways, caller, claim).sort().join(', ')
    return listed === said
      ? []
      : [`${name} lists ${listed || 'nothing'} in ${list}, and x-access names ${said || 'nothing'}`]
  })
  const scopes = security.flatMap(({ entraUser = [] }) => entraUser).map((scope) => scope.replace(scopeBase, ''))
  const [asked, said] = [[...new Set(scopes)], namesIn(ways, 'user', 'scp')].map((each) => each.sort().join(', '))
  return asked === said
    ? found
    : [...found, `${name} asks for ${asked || 'no scope'}, and x-access names ${said || 'none'}`]
}

function namesIn(ways: readonly Way[], caller: Caller, claim: Claim): string[] {
  const asks = ways.filter((way) => way.caller === caller).flatMap((way) => way.asks)
  const own = asks.filter((ask) => ask.startsWith(`${claim} `)).map((ask) => ask.slice(claim.length + 1))
  return [...new Set(own)]
}
