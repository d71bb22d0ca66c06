/** The exports of `fastify-entra/testing`: for tests of applications, never for production. */
export type { TestApp, TestUser, TokenClaims } from './callers.js'
export type { TestClock } from './clock.js'
export type { Answer, Answerer, SentRequest } from './exchange.js'
export {
  type ExpectGuardedOptions,
  expectGuarded,
  type GuardReport,
  type TriedRoute,
  UnguardedRoutesError
} from './expect-guarded.js'
export type { TestTenantOptions } from './shapes/shape.js'
export { createTestTenant, type TestTenant } from './tenant.js'
export type { OnTokenRequest, TokenRefusal, TokenRequest } from './token-endpoint.js'
export type { TestHeaders, TestTokens } from './tokens.js'
