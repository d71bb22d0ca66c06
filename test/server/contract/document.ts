/** The OpenAPI document as its readers take it, and what can be said of it without asking the server. */
import { problemMediaType } from '../../../src/plugin/index.js'

/** Alternatives are or-ed, the schemes within one are and-ed (OpenAPI 3.1 §4.8.30). */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>

interface Response {
  headers?: Record<string, object>
  content?: Record<string, { schema: object }>
}

/** Not read-only: a test tampers with copies. */
export interface Operation {
  security?: SecurityRequirement[]
  parameters?: object[]
  requestBody?: object
  /** Who may call, in words; absent where any valid token will do. */
  'x-access'?: string
  'x-roles'?: string[]
  'x-application-permissions'?: string[]
  'x-groups'?: string[]
  responses: Record<string, Response>
}

interface SecurityScheme {
  flows?: Record<string, { scopes: Record<string, string> }>
}

export interface OpenapiDocument {
  paths: Record<string, Record<string, Operation>>
  components: { securitySchemes: Record<string, SecurityScheme>; schemas: Record<string, object> }
}

/** An operation, and how to call it. */
export interface NamedOperation {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

/** Every operation, named as in "GET /me". */
export function operationsOf({ paths }: OpenapiDocument): NamedOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const upper = method.toUpperCase()
      return { name: `${upper} ${path}`, method: upper, path, operation }
    })
  )
}

/** An operation that asks nobody for a token. One that says nothing is not meant: it has to say. */
export function isPublic({ security }: Operation): boolean {
  return security?.length === 0
}

/** Refusals that a protected operation can always give, each with the header that a client needs then. */
const refusals = { 400: 'WWW-Authenticate', 401: 'WWW-Authenticate', 403: 'WWW-Authenticate', 503: 'Retry-After' }

/**
 * What is wrong with the document by itself.
 *
 * @param scopeBase what each scope of the API starts with, as clients ask for it
 */
export function documentFindings(document: OpenapiDocument, scopeBase: string): string[] {
  return [...operationsOf(document).flatMap(operationFindings), ...scopeFindings(document, scopeBase)]
}

function operationFindings(named: NamedOperation): string[] {
  const { name, operation } = named
  const { security, parameters, requestBody } = operation
  if (security === undefined) return [`${name} does not say who may call it`]
  if (parameters || requestBody) return [`${name} takes parameters or a body: teach the contract test what to send`]
  const twofold = security.filter((requirement) => Object.keys(requirement).length > 1)
  return [...twofold.map(() => `${name} asks for a user and an app at once`), ...responseFindings(named)]
}

function responseFindings({ name, operation }: NamedOperation): string[] {
  const { responses } = operation
  if (isPublic(operation)) {
    return ['401', '403']
      .filter((status) => status in responses)
      .map((status) => `${name} is public, and lists ${status}`)
  }
  return Object.entries(refusals).flatMap(([status, header]) => {
    const { headers, content } = responses[status] ?? {}
    const isProblem = JSON.stringify(content?.[problemMediaType]?.schema) === '{"$ref":"#/components/schemas/Problem"}'
    return isProblem && headers && header in headers ? [] : [`${name} lists no ${status} with a problem and ${header}`]
  })
}

interface SchemeScope {
  readonly scheme: string
  readonly scope: string
}

/** A client can ask for what the flows list, and should be able to ask for nothing that opens nothing. */
function scopeFindings(document: OpenapiDocument, scopeBase: string): string[] {
  const asked = operationsOf(document).flatMap(({ name, operation }) =>
    (operation.security ?? [])
      .flatMap(Object.entries<readonly string[]>)
      .flatMap(([scheme, scopes]) => scopes.map((scope) => ({ name, scheme, scope })))
  )
  const listed = Object.entries(document.components.securitySchemes).flatMap(([scheme, { flows = {} }]) =>
    Object.values(flows).flatMap(({ scopes }) =>
      Object.entries(scopes).map(([scope, description]) => ({ scheme, scope, description }))
    )
  )
  const isIn = (list: readonly SchemeScope[], { scheme, scope }: SchemeScope) =>
    list.some((each) => each.scheme === scheme && each.scope === scope)
  return [
    ...asked
      .filter(({ scope }) => !scope.startsWith(scopeBase))
      .map(({ name, scope }) => `${name} asks for ${scope}, which is no scope of this API`),
    ...asked
      .filter((each) => !isIn(listed, each))
      .map(({ name, scheme, scope }) => `${name} asks for ${scope}, which ${scheme} does not list`),
    ...listed
      .filter((each) => !isIn(asked, each))
      .map(({ scheme, scope }) => `${scheme} lists ${scope}, which no operation asks for`),
    ...listed
      .filter(({ description }) => !description)
      .map(({ scheme, scope }) => `${scheme} does not describe ${scope}`)
  ]
}
