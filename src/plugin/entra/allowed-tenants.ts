/** The option `allowedTenants`: which directories may call, for keys that all directories share. */

import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { guid, matching, rejectUnknown, shown, texts } from '../lib/validate.js'
import { isMany } from './authority.js'
import { personalAccounts } from './clouds.js'
import type { SharedTenantPolicy, TenantPolicy } from './tenant-decisions.js'

/**
 * Directory (tenant) IDs, each a GUID; `{ decide, sharedBy }`, a function that decides, and whether tokens share its result by tenant or by
 * claims; or `*` for every directory, which logs a warning at startup. Personal Microsoft accounts are included only when their tenant,
 * 9188040d-6c67-4c5b-b112-36a304b66dad, is in the list, which may also contain `*`.
 */
export type AllowedTenants = '*' | readonly string[] | SharedTenantPolicy | TenantPolicy

/** The validated option. */
export interface TenantRule {
  readonly acceptsTenant: (tenantId: string) => boolean
  /** Called for directories that are accepted so far. */
  readonly policy: SharedTenantPolicy | undefined
  /** Directories that may call; `undefined` if they are not listed. */
  readonly tenantIds?: readonly string[]
  /** Warnings for the operator. */
  readonly warnings: readonly string[]
}

/** A single tenant, which its issuer identifies. */
const oneTenant: TenantRule = { acceptsTenant: () => true, policy: undefined, warnings: Object.freeze([]) }

/**
 * Checks the option.
 *
 * @param tenantId `common` and `organizations` require the option, and no other value allows it
 * @throws EntraConfigurationError when it is missing, without effect, or malformed
 */
export function tenantRuleOf(allowed: AllowedTenants | undefined, tenantId: string): TenantRule {
  if (!isMany(tenantId) && allowed === undefined) return oneTenant
  if (!isMany(tenantId))
    throw new EntraConfigurationError(
      `allowedTenants ${shown(allowed)} requires tenantId "organizations" or "common", and tenantId is "${tenantId}"; leave allowedTenants out, or change tenantId`
    )
  if (allowed === undefined)
    throw new EntraConfigurationError(
      `tenantId "${tenantId}" would accept every tenant; list those that may call in allowedTenants`
    )
  if (typeof allowed === 'function') return decidedBy(byParameters(allowed), [byParametersWarning])
  if (typeof allowed === 'object' && allowed !== null && !Array.isArray(allowed))
    return decidedBy(checked(allowed as SharedTenantPolicy))
  return listed(typeof allowed === 'string' ? [allowed] : allowed, tenantId)
}

const decidedBy = (policy: SharedTenantPolicy, warnings: readonly string[] = []): TenantRule => ({
  acceptsTenant: isDirectory,
  policy,
  warnings: Object.freeze(warnings)
})

function checked(allowed: SharedTenantPolicy): SharedTenantPolicy {
  const { decide, sharedBy } = ownProperties(allowed)
  rejectUnknown('allowedTenants', allowed, ['decide', 'sharedBy'])
  if (typeof decide === 'function' && (sharedBy === 'tenant' || sharedBy === 'claims')) return { decide, sharedBy }
  throw new EntraConfigurationError(
    `allowedTenants ${shown(allowed)} is not allowed; give decide, a function, and sharedBy, "tenant" or "claims"`
  )
}

/** The older form: the number of its parameters decides how its results are shared. */
export const byParameters = (decide: TenantPolicy): SharedTenantPolicy => ({
  decide,
  sharedBy: decide.length === 1 ? 'tenant' : 'claims'
})
const byParametersWarning =
  'allowedTenants is a function, and the number of its parameters decides how its answers are shared; give { decide, sharedBy: "tenant" } or { decide, sharedBy: "claims" }'

const isDirectory = (tenantId: string) => tenantId !== personalAccounts

function listed(allowed: unknown, tenantId: string): TenantRule {
  const wanted = 'directory (tenant) IDs, each a GUID, or "*"'
  const isIdOrStar = new RegExp(`${guid.source}|^\\*$`, 'i')
  const given = texts('allowedTenants', allowed).map((id) => matching('allowedTenants', id, isIdOrStar, wanted))
  const ids = new Set(given.map((id) => id.toLowerCase()))
  const hasPersonal = ids.has(personalAccounts)
  if (hasPersonal && tenantId === 'organizations')
    throw new EntraConfigurationError(
      `allowedTenants lists the tenant of personal accounts, which tenantId "organizations" excludes; use "common"`
    )
  if (!ids.has('*')) return { ...oneTenant, acceptsTenant: (id) => ids.has(id), tenantIds: [...ids] }
  const warning = `allowedTenants is "*": users and apps of every Entra tenant${hasPersonal ? ', and personal accounts,' : ''} may call this API`
  return { ...oneTenant, acceptsTenant: (id) => hasPersonal || isDirectory(id), warnings: Object.freeze([warning]) }
}
