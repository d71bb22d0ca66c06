/** What the package exports, nothing else. */

export type { AuditLevel, AuditRecord } from './audit.js'
export { isSecure } from './authority.js'
export { type Problem, problemMediaType, toProblem } from './challenge.js'
export type { Cloud } from './clouds.js'
export type { EntraTenant } from './decorators.js'
export type { EntraTenantOptions } from './entra-options.js'
export { EntraConfigurationError, type RefusalCode } from './errors.js'
export {
  allOf,
  anyOf,
  type Guard,
  requireApp,
  requireAppPermission,
  requirePolicy,
  requireRole,
  requireScope,
  requireUser
} from './guards.js'
export type { IssuerStatus } from './issuers.js'
export type { Algorithm } from './jwks.js'
export type { Metadata } from './metadata.js'
export type { OidcOptions } from './oidc-options.js'
export type { EntraOpenapi, SecurityScheme } from './openapi.js'
export type { AuditOptions, EntraOptions, MemoryOptions, TenantsOptions, TimeOptions } from './options.js'
export { fastifyEntra, fastifyEntra as default } from './plugin.js'
export type { RouteAuth } from './route-check.js'
export type { Policy, Rule } from './rules.js'
export type { TokenCacheOptions } from './token-cache.js'
export type { AppPrincipal, Claims, KeyStoreStatus, Principal, UserPrincipal } from './types.js'
