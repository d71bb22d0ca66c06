/** The principal of a request: only this plugin sets it. */
import type {
  ContextConfigDefault,
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  FastifyTypeProvider,
  FastifyTypeProviderDefault,
  RawRequestDefaultExpression,
  RawServerBase,
  RawServerDefault,
  RouteGenericInterface,
  FastifySchema as Schema
} from 'fastify'
import type { FastifyRequestType, ResolveFastifyRequestType } from 'fastify/types/type-provider.js'
import { type AllowedBy, type Guard, routeOf } from '../authorization/guard.js'
import { withFrozenClaims } from '../claims/freeze.js'
import type { Principal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'

declare module 'fastify' {
  // With the parameters of Fastify's own declaration (TypeScript: "Declaration Merging"); `ContextConfig` is the route's `config`.
  interface FastifyRequest<
    RouteGeneric extends RouteGenericInterface = RouteGenericInterface,
    RawServer extends RawServerBase = RawServerDefault,
    RawRequest extends RawRequestDefaultExpression<RawServer> = RawRequestDefaultExpression<RawServer>,
    SchemaCompiler extends Schema = Schema,
    TypeProvider extends FastifyTypeProvider = FastifyTypeProviderDefault,
    ContextConfig = ContextConfigDefault,
    Logger extends FastifyBaseLogger = FastifyBaseLogger,
    RequestType extends FastifyRequestType = ResolveFastifyRequestType<TypeProvider, SchemaCompiler, RouteGeneric>
  > {
    /**
     * Who sent the request.
     *
     * @throws EntraConfigurationError on an unauthenticated request: a route that allows these must read {@link
     * FastifyRequest.principalOrNull} instead
     */
    readonly principal: PrincipalIn<ContextConfig>
    /**
     * The caller, or `null` for an unauthenticated request on a route that allows these.
     *
     * @throws EntraConfigurationError when it is assigned
     */
    readonly principalOrNull: CallerIn<ContextConfig> | null
  }
}

/** The callers that reach the handler of a route with this config: those that its guard allows. */
type CallerIn<Config> = Config extends { readonly auth: infer Auth extends Guard } ? AllowedBy<Auth> : Principal

/** `request.principal` on a route with this config. */
type PrincipalIn<Config> = Config extends { readonly auth: 'optional' } ? ReadPrincipalOrNull : CallerIn<Config>

/**
 * The type of `request.principal` where `config.auth` is `optional`: reading it throws on an unauthenticated request, so the handler reads
 * `request.principalOrNull`, which forces a check for `null`.
 */
export interface ReadPrincipalOrNull {
  readonly [never]: never
}

declare const never: unique symbol

/** Not exported, so that no hook can overwrite what guards read. */
const slot = Symbol('fastify-entra.principal')

type WithSlot = FastifyRequest & { [slot]: Principal | null }

/** The verified caller of a request, or `null`. Guards read this, even if `request.principalOrNull` was redefined. */
export function principalOf(request: FastifyRequest): Principal | null {
  const principal = (request as WithSlot)[slot]
  return principal && withFrozenClaims(principal)
}

/** Whether the caller of a request is verified. */
export function hasPrincipal(request: FastifyRequest): boolean {
  return (request as WithSlot)[slot] !== null
}

/** Whether a value is a request below the plugin. */
export function isRequest(value: unknown): value is FastifyRequest {
  return typeof value === 'object' && value !== null && slot in value
}

/** Stores the verified caller of a request. */
export function setPrincipal(request: FastifyRequest, principal: Principal | null): void {
  ;(request as WithSlot)[slot] = principal
}

/** Decorates requests with `user`, if the app opts in: the claims, which no other code can set. */
export function decorateUser(app: FastifyInstance): void {
  app.decorateRequest('user', {
    getter(this: FastifyRequest) {
      return principalOf(this)?.claims ?? null
    },
    setter(this: FastifyRequest) {
      const fix = 'with userDecorator it has the verified claims; leave the option out to set it yourself'
      throw new EntraConfigurationError(`${routeOf(this)} assigns request.user; ${fix}`)
    }
  })
}

/** Decorates requests with `principal` and `principalOrNull`. */
export function decoratePrincipal(app: FastifyInstance): void {
  app.decorateRequest(slot, null)
  app.decorateRequest('principal', {
    getter(this: FastifyRequest) {
      const principal = principalOf(this)
      if (principal) return principal
      const fix = 'read request.principalOrNull there, not request.principal'
      throw new EntraConfigurationError(
        `${routeOf(this)} allows unauthenticated requests, or its caller is not verified yet; ${fix}`
      )
    }
  })
  app.decorateRequest('principalOrNull', {
    getter(this: FastifyRequest) {
      return principalOf(this)
    },
    setter(this: FastifyRequest) {
      const fix =
        'only fastify-entra sets it, from a token that it verified; decorate the request with a name of your own'
      throw new EntraConfigurationError(`${routeOf(this)} assigns request.principalOrNull; ${fix}`)
    }
  })
}
