/** Examples of refusals for the page at `/docs`: what this API responds with, in place of values made up from a schema. */
import type { FastifyInstance } from 'fastify'
import { type AccessEntry, problemMediaType, toProblem } from '../../plugin/index.js'

type Example = readonly [code: string, detail: string]

/** The response of each status that is the same for all routes. */
const usual: Readonly<Record<number, Example>> = {
  400: [
    'authorization_malformed',
    'The Authorization header must be "Bearer", one space and one token, with nothing after it.'
  ],
  401: ['credentials_missing', 'Send an access token: Authorization: Bearer <token>.'],
  404: ['graph_not_found', 'Microsoft Graph does not know this user.'],
  429: ['rate_limited', 'Too many requests. Try again after as many seconds as Retry-After says.'],
  502: ['downstream_failed', 'Another service that this route needs sent an unexpected response.'],
  503: [
    'tenant_unavailable',
    'The keys of the tenant are unavailable at the moment, so no token can be verified. Try again later.'
  ]
}
const withoutPermissions =
  'The token has neither scopes nor roles for this API. This is an app-only token: have an administrator grant it a permission.'

/** A request ID, as the server creates them. */
const requestId = '70000000-0000-4000-8000-000000000001'

/** The parts of an OpenAPI document that are read. */
export interface Operations {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}
interface Response {
  readonly content?: Readonly<Record<string, object>>
}
interface Operation {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly responses?: Readonly<Record<string, Response>>
}

/** The scopes that users request for all operations, as clients send them. */
export function userScopes({ paths = {} }: Operations): readonly string[] {
  const operations = Object.values(paths).flatMap((path) => Object.values(path))
  return [...new Set(operations.flatMap(({ security = [] }) => security.flatMap(({ entraUser = [] }) => entraUser)))]
}

/** The paths of a document, with an example for each refusal. */
export function pathsWithExamples(app: FastifyInstance, document: Operations): object {
  const scopes = userScopes(document)
  const matrix = app.accessMatrix()
  return mapped(document.paths, (operations, path) =>
    mapped(operations, (operation, method) => {
      const entry = matrix.find((each) => each.url === path && each.method === method.toUpperCase())
      const examples: Readonly<Record<number, Example>> = { ...usual, 403: denialOf(scopes, entry) }
      const responses = mapped(operation.responses, (response, status) =>
        withExample(response, Number(status), examples[Number(status)])
      )
      return { ...operation, responses }
    })
  )
}

function withExample(response: Response, status: number, example: Example | undefined): object {
  const problem = response.content?.[problemMediaType]
  if (!problem || !example) return response
  const [code, detail] = example
  const content = { [problemMediaType]: { ...problem, example: toProblem(requestId, { status, code, detail }) } }
  return { ...response, content }
}

/** What a caller with too few permissions gets: the route's rule, with scopes as clients send them. */
function denialOf(scopes: readonly string[], entry: AccessEntry | undefined): Example {
  if (!entry?.rule) return ['no_permissions', withoutPermissions]
  const rule = scopes.reduce((text, scope) => {
    const name = scope.slice(scope.lastIndexOf('/') + 1)
    return text.replace(new RegExp(`the scope ${name}(?![\\w.])`, 'g'), `the scope ${scope}`)
  }, entry.callers)
  return ['insufficient_permissions', `This route requires ${rule}; the token does not satisfy that.`]
}

function mapped<T>(values: Readonly<Record<string, T>> = {}, to: (value: T, name: string) => object): object {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, to(value, name)]))
}
