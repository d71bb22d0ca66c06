import type { FastifyInstance } from 'fastify'
import { type AgentPrincipal, type Principal, requireAuthContext, type UserPrincipal } from '../../plugin/index.js'
import { requireRole, requireScope } from '../permissions.js'

/** Declared explicitly, as the server uses `strictRoutes`. */
const config = { auth: 'required' } as const
const tags = ['caller']
const text = { type: 'string' } as const
const texts = { type: 'array', items: text } as const

/** Routes about the caller: any valid token, a scope, a role, a stronger sign-in. */
export async function callerRoutes(app: FastifyInstance): Promise<void> {
  const any = { tags, operationId: 'getProtected', summary: 'Requires a valid token', response: { 200: greeting } }
  app.get('/protected', { config, schema: any }, ({ principal }) => ({
    message: 'The token is valid.',
    kind: principal.kind,
    id: principal.id
  }))

  const own = { tags, operationId: 'getTenant', summary: 'The tenant that this API trusts', response: { 200: tenant } }
  app.get('/tenant', { config, schema: own }, ({ principal }) => ({
    tenantId: principal.tenantId,
    issuers: app.entra.issuers.flatMap(({ issuer }) => issuer ?? [])
  }))

  const me = { tags, operationId: 'getMe', summary: 'The caller that the token identifies', response: { 200: caller } }
  app.get('/me', { preHandler: requireScope('access_as_user'), schema: me }, ({ principal }) => principal)

  const role = { tags, operationId: 'getRoleProtected', summary: 'Requires a role', response: { 200: message } }
  app.get('/role-protected', { preHandler: requireRole('Admin'), schema: role }, () => ({
    message: 'You hold the role Admin.'
  }))

  const strong = { tags, operationId: 'getStepUpProtected', summary: 'Requires a stronger sign-in' }
  const signedIn = { preHandler: [requireScope('access_as_user'), requireAuthContext('c1')] }
  app.get('/step-up-protected', { ...signedIn, schema: { ...strong, response: { 200: message } } }, () => ({
    message: 'You signed in as the authentication context c1 requires.'
  }))
}

const message = { type: 'object', description: 'A message', properties: { message: text }, required: ['message'] }
const greeting = {
  type: 'object',
  description: 'Kind and ID of the caller',
  properties: { message: text, kind: { type: 'string', enum: ['user', 'app'] }, id: text },
  required: ['message', 'kind', 'id']
}
const tenant = {
  type: 'object',
  description: 'Its ID, and the issuers of its tokens',
  properties: { tenantId: text, issuers: texts },
  required: ['tenantId', 'issuers']
}

/** A schema for each member of a type, of which none can be forgotten: a response has nothing that its schema does not name. */
type SchemaOf<T> = { readonly [name in keyof Required<T>]: object }

const agent = {
  flow: { type: 'string', enum: ['onBehalfOf', 'autonomous', 'agentUser', 'unknown'] },
  actorFacets: texts,
  subjectFacets: texts,
  tenantFacets: texts,
  parentClientId: text
} as const satisfies SchemaOf<AgentPrincipal['agent']>
const actor = { subject: text, issuer: text } satisfies SchemaOf<NonNullable<Principal['actors']>[number]>

const caller = {
  type: 'object',
  description: 'The principal',
  properties: {
    kind: { type: 'string', enum: ['user', 'app'] },
    id: text,
    subject: text,
    provider: { type: 'string', enum: ['entra', 'oidc'] },
    issuer: text,
    tenantId: text,
    clientId: text,
    expiresAt: { type: 'number', description: 'Seconds since 1970' },
    clientAuth: { type: 'string', enum: ['none', 'secret', 'certificate'] },
    agent: {
      type: 'object',
      description: 'What the token says about AI agents',
      properties: agent,
      required: ['flow', 'actorFacets', 'subjectFacets', 'tenantFacets']
    },
    isAgent: { type: 'boolean', description: 'Whether an AI agent acts; absent where the token does not show it' },
    actors: {
      type: 'array',
      description: 'Who acts for the subject, the current actor first (RFC 8693 §4.1)',
      items: { type: 'object', description: 'An actor', properties: actor, required: ['subject'] }
    },
    membership: { type: 'string', enum: ['member', 'guest', 'unknown'] },
    isGuest: { type: 'boolean' },
    hasMoreGroups: { type: 'boolean' },
    name: text,
    email: text,
    scopes: texts,
    roles: texts,
    groups: texts,
    claims: { type: 'object', description: 'The payload of the token, as signed', additionalProperties: true }
  } satisfies SchemaOf<UserPrincipal>,
  required: [
    ...['kind', 'id', 'subject', 'provider', 'issuer', 'tenantId', 'clientId', 'expiresAt'],
    ...['scopes', 'roles', 'groups', 'claims']
  ]
}
