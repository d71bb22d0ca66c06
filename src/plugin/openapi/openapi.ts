/** Guards → OpenAPI: what a route requires, from the same value that decides each request. OpenAPI 3.1 §4.8.27, §4.8.30. */
import type { FastifySchema, RouteOptions } from 'fastify'
import { type Alternative, alternatives } from '../authorization/alternatives.js'
import { permissionsIn, type Rule } from '../authorization/rules.js'
import type { Metadata } from '../keys/discovery.js'
import { problemMediaType } from '../refusals/challenge.js'
import { scopeNameWith } from '../refusals/scope-name.js'
import { authOf } from '../routes/route-auth.js'
import { guardsIn } from '../routes/route-guards.js'
import { extensionsOf } from './extensions.js'

/** Names of the two security schemes: a user through a client, and a service for itself. */
const userScheme = 'entraUser'
const appScheme = 'entraApp'

/** A security scheme object, OpenAPI 3.1 §4.8.27. */
export type SecurityScheme =
  | { type: 'openIdConnect'; openIdConnectUrl: string; description: string }
  | { type: 'oauth2'; description: string; flows: OauthFlows }

interface OauthFlows {
  authorizationCode?: { authorizationUrl: string; tokenUrl: string; scopes: Record<string, string> }
  clientCredentials?: { tokenUrl: string; scopes: Record<string, string> }
}

/** What @fastify/swagger passes to its `transform`, and expects in return. */
interface TransformInput {
  schema: FastifySchema
  url: string
  route: RouteOptions
}

/** The parts of an OpenAPI document that only the plugin knows. */
export interface EntraOpenapi {
  /** For @fastify/swagger's `transform`: adds `security`, and the responses 400, 401, 403 and 503, to each route. */
  readonly transform: (input: TransformInput) => { schema: FastifySchema; url: string }
  /** `components.securitySchemes`: OAuth 2 with the tenant's endpoints, or their discovery URL until they are known. */
  readonly securitySchemes: Readonly<Record<string, SecurityScheme>>
  /** `components.schemas` that the responses refer to. */
  readonly schemas: Readonly<Record<string, object>>
}

/** What the document is built from. */
export interface OpenapiSource {
  /** The App ID URI with which clients request scopes, such as `api://…`; `undefined`: they request the names alone. */
  readonly scopeBase: string | undefined
  readonly metadataUrl: string
  readonly metadata: () => Metadata | undefined
  /** The rules of all routes so far. */
  readonly rules: readonly Rule[]
}

const problemSchema = {
  type: 'object',
  description: 'Problem details (RFC 9457)',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What the client can change' },
    code: { type: 'string', description: 'Stable, so that programs can compare it' },
    requestId: { type: 'string' }
  }
} as const

/** Builds the plugin's part of an OpenAPI document. */
export function createOpenapi(source: OpenapiSource): EntraOpenapi {
  return {
    transform: ({ schema, url, route }) => ({
      url,
      schema: { ...schema, ...secured(schema, route, source.scopeBase) }
    }),
    get securitySchemes() {
      return securitySchemes(source)
    },
    schemas: { Problem: problemSchema }
  }
}

function secured(schema: FastifySchema | undefined, { config }: RouteOptions, scopeBase: string | undefined): object {
  const auth = authOf(config)
  if (auth === 'none') return { security: [] }
  const guards = guardsIn(config)
  const rule: Rule = { kind: 'allOf', rules: guards.map(({ rule }) => rule) }
  const ways = alternatives(rule)
  const security = ways.flatMap((way) => requirements(way, scopeBase))
  const anonymous = auth === 'optional' && guards.length === 0 ? [{}] : [] // a guard denies every anonymous request
  return {
    ...(guards.length > 0 && extensionsOf(rule)),
    security: [...anonymous, ...security],
    response: { ...(schema?.response ?? {}), ...refusals }
  }
}

/** Each scope once, with its description, which is required (OpenAPI 3.1 §4.8.29); its name if no guard has a description. */
function scopesWithWords(rules: readonly Rule[]): readonly (readonly [name: string, words: string])[] {
  const scopes = permissionsIn({ kind: 'allOf', rules }).filter(({ kind }) => kind === 'scope')
  const described = new Map(scopes.flatMap(({ name, description }) => (description ? [[name, description]] : [])))
  return [...new Set(scopes.map(({ name }) => name))].map((name) => [name, described.get(name) ?? name])
}

/** Entra's clients request `.default`: everything that was granted (Microsoft: "Scopes and permissions"). */
function defaultScopes(scopeBase: string | undefined): string[] {
  return scopeBase === undefined ? [] : [scopeNameWith(scopeBase)('.default')]
}

function requirements({ user, app, scopes }: Alternative, scopeBase: string | undefined): Record<string, string[]>[] {
  const asUser = { [userScheme]: [...new Set(scopes)].map(scopeNameWith(scopeBase)) }
  const asApp = { [appScheme]: defaultScopes(scopeBase) }
  return [...(user ? [asUser] : []), ...(app ? [asApp] : [])]
}

const problem = (description: string, ...headers: string[]) => ({
  description,
  headers: Object.fromEntries(headers.map((name) => [name, { type: 'string' }])),
  content: { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } }
})

const refusals = {
  400: problem(
    'The Authorization header is malformed or repeated, or the request has too many headers',
    'WWW-Authenticate'
  ),
  401: problem('The access token is missing or not valid for this API', 'WWW-Authenticate'),
  403: problem('The token is valid, but does not show what this route requires', 'WWW-Authenticate'),
  503: problem('The keys of the tenant are unavailable, so no token can be verified', 'Retry-After')
}

function securitySchemes({ scopeBase, metadataUrl, metadata, rules }: OpenapiSource): Record<string, SecurityScheme> {
  const { authorizationEndpoint, tokenEndpoint } = metadata() ?? {}
  const asUser = 'A user signs in (authorization code flow with PKCE)'
  const asApp = 'A service calls the API for itself (client credentials flow)'
  if (!authorizationEndpoint || !tokenEndpoint) {
    const discovery = { type: 'openIdConnect', openIdConnectUrl: metadataUrl } as const
    return { [userScheme]: { ...discovery, description: asUser }, [appScheme]: { ...discovery, description: asApp } }
  }
  const endpoints = { authorizationUrl: authorizationEndpoint, tokenUrl: tokenEndpoint }
  const scopeName = scopeNameWith(scopeBase)
  const scopes = Object.fromEntries(scopesWithWords(rules).map(([name, words]) => [scopeName(name), words]))
  const all = 'All application permissions that were granted'
  const granted = Object.fromEntries(defaultScopes(scopeBase).map((name) => [name, all]))
  return {
    [userScheme]: { type: 'oauth2', description: asUser, flows: { authorizationCode: { ...endpoints, scopes } } },
    [appScheme]: {
      type: 'oauth2',
      description: asApp,
      flows: { clientCredentials: { tokenUrl: tokenEndpoint, scopes: granted } }
    }
  }
}
