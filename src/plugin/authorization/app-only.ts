/** What an app that calls for itself can do about a refusal: its tokens never have a scope, or a role of users (RFC 6749 §4.4). */
import type { Principal } from '../claims/principal.js'
import { alternatives } from './alternatives.js'
import { permissionsIn, type Rule } from './rules.js'

/** A sentence for the end of a refusal's `detail`, with a space before it; empty for a user, and if the rule has no permission of apps. */
export function appOnlyHint(rule: Rule, { kind }: Principal): string {
  if (kind === 'user') return ''
  if (!alternatives(rule).some(({ app }) => app))
    return " This is an app-only token, and the route is for users only: call it with a user's token."
  const names = permissionsIn(rule).flatMap(({ kind, name }) => (kind === 'appPermission' ? [name] : []))
  if (names.length === 0) return ''
  const permissions = [...new Set(names)].join(', ')
  return ` This is an app-only token: to an app an administrator grants the application permission ${permissions}.`
}
