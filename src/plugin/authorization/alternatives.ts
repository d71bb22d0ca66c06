/** Converts a rule to the alternatives that satisfy it: users and apps, with which scopes. */
import { type Rule, scopesOf } from './rules.js'

/** One alternative: the kind of caller, and the scopes. */
export interface Alternative {
  readonly user: boolean
  readonly app: boolean
  readonly scopes: readonly string[]
}

/** All alternatives that satisfy a rule: the disjunctive form of OpenAPI's `security`. */
export function alternatives(rule: Rule): Alternative[] {
  switch (rule.kind) {
    case 'anyOf':
      return rule.rules.flatMap(alternatives)
    case 'allOf':
      return rule.rules.map(alternatives).reduce(product, [{ user: true, app: true, scopes: [] }])
    case 'policy':
    case 'client':
    case 'tenant':
    case 'clientAuth':
    case 'agent':
      return [{ user: true, app: true, scopes: [] }]
    default: {
      const app = rule.kind === 'app' || rule.kind === 'appPermission'
      return [{ user: !app, app, scopes: scopesOf(rule) }]
    }
  }
}

/** Both at once; an alternative that would require a user who is an app is dropped. */
function product(left: readonly Alternative[], right: readonly Alternative[]): Alternative[] {
  const pairs = left.flatMap((a) => right.map((b) => ({ a, b })))
  return pairs
    .map(({ a, b }) => ({ user: a.user && b.user, app: a.app && b.app, scopes: [...a.scopes, ...b.scopes] }))
    .filter(({ user, app }) => user || app)
}
