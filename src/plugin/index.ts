/** The exports of the package. */
import './fastify/request-principal.js' // for its type declarations: request.principal, request.principalOrNull
import './fastify/principal-signal.js' // request.principalSignal
import './routes/route-guards.js'

export { auditChannelName } from './audit/audit.js'
export type { AuditLevel, AuditSettings } from './audit/audit-options.js'
export { type DecisionEvent, decisionChannelName } from './audit/decision-channel.js'
export type {
  AllowedEvent,
  AuditEvent,
  AuthenticatedEvent,
  DeniedEvent,
  RefusedEvent
} from './audit/events.js'
export { type VerificationEvent, verificationChannelName } from './audit/verification-channel.js'
export type { GraphAccess, GroupsOptions, GroupsQuestion, GroupsResolver } from './authorization/groups.js'
export type { AllowedBy, Guard } from './authorization/guard.js'
export {
  allOf,
  anyOf,
  requireAgent,
  requireApp,
  requireAppPermission,
  requireAuthAge,
  requireAuthContext,
  requireClient,
  requireClientAuth,
  requireGroup,
  requireHuman,
  requireMember,
  requireRole,
  requireScope,
  requireTenant,
  requireUser
} from './authorization/guards.js'
export {
  type DeclaredNames,
  type DeclaredPermissions,
  type GuardsFor,
  guardsFor,
  type NamesOf
} from './authorization/guards-for.js'
export type { PermissionRule, Rule } from './authorization/rules.js'
export type {
  Actor,
  AgentFacts,
  AgentFlow,
  AgentPrincipal,
  AppPrincipal,
  Claims,
  ClientAuth,
  HumanPrincipal,
  Membership,
  Principal,
  UserPrincipal
} from './claims/principal.js'
export { type GraphGroupsOptions, graphGroups } from './downstream/graph-groups.js'
export type { ManagedIdentityOptions } from './downstream/managed-identity.js'
export type { DownstreamOptions, SharedTokenCache } from './downstream/options.js'
export type { ClientCredential } from './downstream/proof.js'
export type { RefusedToken } from './downstream/token-client.js'
export type { OwnCertificate } from './downstream/token-clients.js'
export type { AllowedTenants } from './entra/allowed-tenants.js'
export type { Cloud } from './entra/clouds.js'
export type { EntraTenantOptions } from './entra/options.js'
export type { SharedTenantPolicy, TenantPolicy } from './entra/tenant-decisions.js'
export type { EntraTenant, TokenForApp } from './fastify/decorators.js'
export { protectedResourceMetadata } from './fastify/metadata-host.js'
export type { OnBehalfOf } from './fastify/on-behalf-of.js'
export type { Authorize, DeclareOperation, Operation } from './fastify/outside-routes.js'
export { keyByAddress, keyByClient, keyByPrincipal, keyByTenant } from './fastify/rate-keys.js'
export {
  createTooManyRequests,
  limitRefusedTokens,
  limitRequests,
  type RateLimitCheck,
  type RateLimitState
} from './fastify/rate-limits.js'
export type { RenewPrincipal } from './fastify/renew-principal.js'
export { type Policy, requirePolicy } from './fastify/request-policy.js'
export type { ReadPrincipalOrNull } from './fastify/request-principal.js'
export type { IssuerStatus, TenantEvent } from './issuers/issuer.js'
export type { Metadata } from './keys/discovery.js'
export type { Algorithm } from './keys/jwks.js'
export type { KeyStoreStatus } from './keys/key-events.js'
export type { KeySourceOptions, PreloadedKeySet, PreloadedKeys } from './keys/preloaded.js'
export type { TimeOptions } from './keys/timings.js'
export { EntraConfigurationError } from './lib/configuration-error.js'
export type { ExchangeJson, JsonAnswer, JsonRequest } from './lib/json-client.js'
export { type FetchMessage, fetchChannelName } from './lib/json-client.js'
export { type LoggedError, loggedError } from './lib/logged-error.js'
export { loggedText } from './lib/logged-text.js'
export { type LookupMessage, lookupChannelName } from './lib/lookup-channels.js'
export { createProxies, type Proxies } from './lib/proxies.js'
export { isSecure, withoutPassword } from './lib/validate.js'
export type { OidcOptions } from './oidc/options.js'
export type { ProviderName } from './oidc/providers.js'
export type { EntraOpenapi, SecurityScheme } from './openapi/openapi.js'
export type {
  AuditOptions,
  EntraOptions,
  MemoryOptions,
  RevocationOptions,
  RouteCheckOptions,
  TenantsOptions
} from './options.js'
export { fastifyEntra, fastifyEntra as default } from './plugin.js'
export { type Problem, problemMediaType, toProblem } from './refusals/challenge.js'
export type { RefusalCode } from './refusals/refusal.js'
export { DownstreamError, TokenRefusedError, TooManyRequestsError } from './refusals/refusal-error.js'
export type { ProtectedResourceMetadata } from './resource/metadata.js'
export type { ResourceOptions } from './resource/protected-resource.js'
export type { IsRevoked } from './revocation/is-revoked.js'
export { Revocations, type RevocationsOptions } from './revocation/memory-store.js'
export type { Revoked } from './revocation/record.js'
export { type RedisClient, RedisRevocations, type RedisRevocationsOptions } from './revocation/redis-store.js'
export type { AccessEntry } from './routes/access-entry.js'
export type { AccessMatrix } from './routes/access-matrix.js'
export type { RouteAuth } from './routes/route-auth.js'
export type { VerifyToken } from './verification/identify.js'
export type { TokenCacheOptions } from './verification/token-cache.js'
