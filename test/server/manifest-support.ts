/** Routes and declarations as small as a test of the manifest needs them. */
import type { Guard } from '../../src/plugin/index.js'
import type { Permissions } from '../../src/plugin/manifest/permissions.js'
import type { Route } from '../../src/plugin/manifest/requirements.js'

/** A route as `app.accessMatrix()` has it: its guards are one rule. */
export function route(url: string, ...guards: Guard[]): Route {
  const rule = guards.length > 0 ? { kind: 'allOf' as const, rules: guards.map((guard) => guard.rule) } : undefined
  return { method: 'GET', url, rule }
}

export const words = { displayName: 'Name', description: 'What it allows' }

/** What is declared, with these tables. */
export function declared(tables: Partial<Permissions> = {}): Permissions {
  return {
    apiName: 'An API',
    declaredIn: 'src/server/permissions.ts',
    scopes: {},
    roles: {},
    appPermissions: {},
    ...tables
  }
}

export const clientId = '20000000-0000-4000-8000-000000000001'
