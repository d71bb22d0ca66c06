/** What the routes ask of a token, read off their guards: the very values that decide. */
import type { AccessEntry, Rule } from '../../plugin/index.js'

/** A route and its rule, as `app.accessMatrix()` has them. */
export type Route = Pick<AccessEntry, 'method' | 'url' | 'rule'>

/** Where a kind of permission is declared. */
export type Table = 'scopes' | 'roles' | 'appPermissions'

/** A permission that a route asks for. */
export interface Use {
  readonly table: Table
  readonly value: string
  /** The first route that does. */
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
 * refuse. What tokens have anyway (`scp`, `roles`, `tid`, `azp`, `azpacr`) is none; of a policy only its
 * author knows. A kind that is new does not compile until it has a row.
 */
const optionalClaims: Readonly<Record<Single['kind'], readonly string[]>> = {
  scope: [],
  role: [],
  appPermission: [],
  user: [],
  app: [],
  member: ['acct'],
  client: [],
  tenant: [],
  clientAuth: [],
  group: ['groups'],
  // `acrs` also where no client asked for it, which saves a challenge; `xms_cc` says whether a client understands one.
  authContext: ['acrs', 'xms_cc'],
  authAge: ['auth_time'],
  policy: []
}

/** Tells an app's token from a user's for certain (Microsoft: "Optional claims reference"); every decision rests on that. */
const always = 'idtyp'

/** Each permission that a route asks for, once. */
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
 * The optional claims that the guards of all routes rely on, sorted by name after the one for every API.
 *
 * @param others what else is read, and cannot be seen from here
 */
export function claimsOf(routes: readonly Route[], others: readonly string[] = []): readonly string[] {
  const claims = routes.flatMap(({ rule }) => singles(rule)).flatMap(({ kind }) => optionalClaims[kind])
  return [...new Set([always, ...[...claims, ...others].toSorted()])]
}

/** The rules inside `anyOf` and `allOf`: whichever of them lets a caller in, the registration must have its part. */
function singles(rule: Rule | undefined): readonly Single[] {
  if (!rule) return []
  return 'rules' in rule ? rule.rules.flatMap(singles) : [rule]
}
