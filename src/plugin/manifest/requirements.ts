/** What the routes require of a token, from the rules of their guards. */
import type { Rule } from '../authorization/rules.js'
import type { AccessEntry } from '../routes/access-entry.js'

/** A route and its rule, as in `app.accessMatrix()`. */
export type Route = Pick<AccessEntry, 'method' | 'url' | 'rule'>

/** Where a kind of permission is declared. */
export type Table = 'scopes' | 'roles' | 'appPermissions'

/** A permission that a route requires. */
export interface Use {
  readonly table: Table
  readonly value: string
  /** The first route that requires it. */
  readonly route: string
}

type Single = Exclude<Rule, { readonly rules: readonly Rule[] }>

const tables: Readonly<Partial<Record<Rule['kind'], Table>>> = {
  scope: 'scopes',
  role: 'roles',
  appPermission: 'appPermissions'
}

/**
 * Optional claims that a kind of rule reads (Microsoft: "Optional claims reference"): without them in the registration the guard would
 * refuse. Claims that tokens always have (`scp`, `roles`, `tid`, `azp`, `azpacr`) are not listed; only the author of a policy knows what it
 * reads. A new kind does not compile until it has a row.
 */
const optionalClaims: Readonly<Record<Single['kind'], readonly string[]>> = {
  scope: [],
  role: [],
  appPermission: [],
  user: [],
  app: [],
  // The last three show an AI agent, which is no member, and its parent (Microsoft: "Token claims reference for agent IDs").
  member: ['acct', 'xms_act_fct', 'xms_par_app_azp', 'xms_sub_fct'],
  agent: ['xms_act_fct', 'xms_par_app_azp', 'xms_sub_fct'],
  human: ['xms_act_fct', 'xms_par_app_azp', 'xms_sub_fct'],
  client: [],
  tenant: [],
  clientAuth: [],
  group: ['groups'],
  // `acrs` also without a client's request, which saves a challenge; `xms_cc` shows whether a client supports challenges.
  authContext: ['acrs', 'xms_cc'],
  authAge: ['auth_time'],
  policy: []
}

/** Distinguishes app-only from delegated tokens (Microsoft: "Optional claims reference"); every decision depends on that. */
const always = 'idtyp'

/** Each permission that a route requires, once. */
export function usesOf(routes: readonly Route[]): readonly Use[] {
  const uses = routes.flatMap(({ method, url, rule }) =>
    singles(rule).flatMap((single) => {
      const table = tables[single.kind]
      return table && 'name' in single ? [{ table, value: single.name, route: `${method} ${url}` }] : []
    })
  )
  const key = ({ table, value }: Use) => `${table} ${value}`
  return [...new Map(uses.toReversed().map((use) => [key(use), use])).values()].toReversed()
}

/**
 * The optional claims that the guards of all routes require, sorted by name after the one for every API.
 *
 * @param others other claims that are read outside guards
 */
export function claimsOf(routes: readonly Route[], others: readonly string[] = []): readonly string[] {
  const claims = routes.flatMap(({ rule }) => singles(rule)).flatMap(({ kind }) => optionalClaims[kind])
  return [...new Set([always, ...[...claims, ...others].toSorted()])]
}

/** The rules inside `anyOf` and `allOf`: the registration must support each alternative. */
function singles(rule: Rule | undefined): readonly Single[] {
  if (!rule) return []
  return 'rules' in rule ? rule.rules.flatMap(singles) : [rule]
}
