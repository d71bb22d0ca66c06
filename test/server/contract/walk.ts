/** The walk: every operation of a document, called at a server, and all that is not as promised, as sentences. */
import { type Answer, get } from '../../support/http.js'
import { type ShapeFindings, shapeChecker, verdictFindings } from './answers.js'
import { documentFindings, type NamedOperation, type OpenapiDocument, operationsOf } from './document.js'
import { type Expectation, expectationsOf, outageExpectations } from './expectations.js'
import { routeFindings, type ServerRoute } from './routes.js'
import type { Mint } from './tokens.js'
import { type Ask, documentedWays, inWords, type Way, wordFindings } from './ways.js'

/** A running server, and what it takes to call it. */
export interface Server {
  readonly origin: string
  readonly routes: readonly ServerRoute[]
  readonly mint: Mint
  /** The issuer whose tokens it knows. */
  readonly issuer: string
  /** What scopes start with in the document. */
  readonly scopeBase: string
}

/**
 * Where a document and a server differ; empty: nowhere.
 *
 * @param called the operations that are called; the rest of the document is only read
 */
export async function contractFindings(
  document: OpenapiDocument,
  server: Server,
  called: readonly NamedOperation[] = operationsOf(document)
): Promise<string[]> {
  const ways = waysIn(document, server)
  const universe = universeOf([...ways.values(), ...server.routes.map((route) => route.ways)].flat())
  const expect = (each: NamedOperation) => expectationsOf(each, ways.get(each.name) ?? [], universe)
  const { findings, answered } = await walk(called, { server, expect, shape: shapeChecker(document) })
  return [
    ...documentFindings(document, server.scopeBase),
    ...operationsOf(document).flatMap(({ name, operation }) => wordFindings(name, operation, server.scopeBase)),
    ...routeFindings(document, server.routes),
    ...findings,
    ...successFindings(called, answered)
  ]
}

/** The same for a server whose tenant cannot be reached. */
export async function outageFindings(document: OpenapiDocument, server: Server): Promise<string[]> {
  const ways = waysIn(document, server)
  const expect = (each: NamedOperation) => outageExpectations(each, ways.get(each.name) ?? [])
  return (await walk(operationsOf(document), { server, expect, shape: shapeChecker(document) })).findings
}

/** By the operation's name. */
function waysIn(document: OpenapiDocument, { scopeBase }: Server): Map<string, Way[]> {
  return new Map(operationsOf(document).map(({ name, operation }) => [name, documentedWays(operation, scopeBase)]))
}

/** Whatever a token could hold, by the document or by a guard. */
function universeOf(ways: readonly Way[]): Ask[] {
  return [...new Set(ways.flatMap(({ asks }) => asks))]
}

interface Walked {
  readonly findings: string[]
  /** "GET /me 200", as answered at least once. */
  readonly answered: ReadonlySet<string>
}

interface Walk {
  readonly server: Server
  readonly expect: (operation: NamedOperation) => readonly Expectation[]
  readonly shape: ShapeFindings
}

async function walk(operations: readonly NamedOperation[], { server, expect, shape }: Walk): Promise<Walked> {
  const findings: string[] = []
  const answered = new Set<string>()
  for (const operation of operations) {
    for (const expectation of expect(operation)) {
      const answer = await send(operation, expectation, server)
      answered.add(`${operation.name} ${answer.status}`)
      findings.push(...answerFindings(operation, expectation, answer, shape))
    }
  }
  return { findings, answered }
}

async function send(
  { path }: NamedOperation,
  { method, sends }: Expectation,
  { origin, mint, issuer }: Server
): Promise<Answer> {
  const init = { method, redirect: 'manual' } as const
  if (sends === 'Bearer') return get(origin + path, undefined, { ...init, headers: { authorization: sends } })
  return get(origin + path, sends && (await mint(sends, issuer)), init)
}

function answerFindings(
  operation: NamedOperation,
  { method, sends, verdict }: Expectation,
  answer: Answer,
  shape: ShapeFindings
): string[] {
  const who = sends === undefined ? 'nobody' : sends === 'Bearer' ? 'a malformed header' : inWords(sends)
  const shapes = method === 'HEAD' ? [] : shape(operation, answer)
  return [...verdictFindings(answer, verdict), ...shapes].map((what) => `${method} ${operation.path}: ${who} ${what}`)
}

/** A success that is promised and never seen was never compared with its schema either. */
function successFindings(operations: readonly NamedOperation[], answered: ReadonlySet<string>): string[] {
  return operations.flatMap(({ name, operation }) =>
    Object.keys(operation.responses)
      .filter((status) => status.startsWith('2') && !answered.has(`${name} ${status}`))
      .map((status) => `${name} lists ${status}, and never answers so`)
  )
}
