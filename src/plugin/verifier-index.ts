/** The exports of `fastify-entra/verifier`: the verifier and guards, without Fastify. */

export { auditChannelName } from './audit/audit.js'
export { type DecisionEvent, decisionChannelName } from './audit/decision-channel.js'
export type { AllowedEvent, AuditEvent, AuthenticatedEvent, DeniedEvent, RefusedEvent } from './audit/events.js'
export { type VerificationEvent, verificationChannelName } from './audit/verification-channel.js'
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
  requirePolicy,
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
export type { Context, PermissionRule, Policy, Rule } from './authorization/rules.js'
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
export type { CheckResult, Explanation } from './explain.js'
export type { IssuerStatus } from './issuers/issuer.js'
export type { KeySourceOptions, PreloadedKeySet, PreloadedKeys } from './keys/preloaded.js'
export { EntraConfigurationError } from './lib/configuration-error.js'
export { type FetchMessage, fetchChannelName } from './lib/json-client.js'
export type { Logger } from './lib/logger.js'
export { type LookupMessage, lookupChannelName } from './lib/lookup-channels.js'
export { type Problem, problemMediaType } from './refusals/challenge.js'
export type { RefusalCode } from './refusals/refusal.js'
export { DownstreamError, TokenRefusedError } from './refusals/refusal-error.js'
export type { ProtectedResourceMetadata } from './resource/metadata.js'
export type { ResourceOptions } from './resource/protected-resource.js'
export { Revocations, type RevocationsOptions } from './revocation/memory-store.js'
export type { Revoked } from './revocation/record.js'
export { type RedisClient, RedisRevocations, type RedisRevocationsOptions } from './revocation/redis-store.js'
export {
  type Credentials,
  createVerifier,
  credentialsOf,
  type RefusedAnswer,
  type Verifier,
  type VerifierOperation,
  type VerifierOptions
} from './verifier.js'
