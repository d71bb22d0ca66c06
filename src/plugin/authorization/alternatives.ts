/** A rule as the ways to satisfy it: users and apps, by which scopes. */
import { type Rule, scopesOf } from './rules.js'

/** One way to get in: who, and with which scopes. */
export interface Alternative {
  readonly user: boolean
  readonly app: boolean
  readonly scopes: readonly string[]
}

/** Every way to satisfy a rule, or-ed: the disjunctive form that OpenAPI's `security` has. */
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
      return [{ user: true, app: true, scopes: [] }]
    default: {
      const app = rule.kind === 'app' || rule.kind === 'appPermission'
      return [{ user: !app, app, scopes: scopesOf(rule) }]
    }
  }
}

/** Both at once; a way that would take a user who is an app leads nowhere. */
function product(left: readonly Alternative[], right: readonly Alternative[]): Alternative[] {
  const pairs = left.flatMap((a) => right.map((b) => ({ a, b })))
  return pairs
    .map(({ a, b }) => ({ user: a.user && b.user, app: a.app && b.app, scopes: [...a.scopes, ...b.scopes] }))
    .filter(({ user, app }) => user || app)
}
