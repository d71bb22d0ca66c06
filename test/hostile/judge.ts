/** Row → what is wrong with its answer; nothing when it is right. */
import { parseChallenge } from '../support/http.js'
import { get, nameOf, type Row } from './row.js'
import type { Target } from './server.js'
import { type Answer, answersIn, exchange } from './wire.js'
import type { World } from './world.js'

/** Names of libraries and of what is inside them, and what a stack looks like. */
export const internals =
  /fast-?jwt|fastify-jwt|jwks|FST_|FAST_JWT|undici|node_modules|"stack"|\n\s+at |at file:|\.ts:\d|\.js:\d/i

/** A row as it went. */
export interface Outcome {
  readonly row: Row
  readonly token: string
  readonly failures: readonly string[]
}

/** The way to a server: sends the bytes of a row, and resolves to the answers. */
export type Converse = (port: number, bytes: string) => Promise<Answer[]>

/** @param patience milliseconds for all answers; default: 5 s */
export const overHttp1 =
  (patience?: number): Converse =>
  async (port, bytes) =>
    answersIn(await exchange(port, bytes, patience), bytes.slice(0, bytes.indexOf(' ')))

/** Answers that are right in place of one in the words of {@link Row.is}; called once the answers are there. */
export type RightAnswers = (is: string) => readonly string[]

export async function judge(
  row: Row,
  world: World,
  { ports }: Pick<Target, 'ports'>,
  converse = overHttp1(),
  right: RightAnswers = (is) => [is]
): Promise<Outcome> {
  const port = ports[row.api ?? 'entra']
  const good = row.api ? () => world.provider.token() : () => world.token()
  const token = await (row.token ?? good)(world)
  const bytes = row.send ? await row.send(token, world) : get(row.path ?? '/me', `Authorization: Bearer ${token}`)
  try {
    const answers = await converse(port, bytes)
    const expected = typeof row.is === 'string' ? [row.is] : row.is
    const failures = expected.flatMap((is, at) => failuresOf(right(is), answers[at], bytes.startsWith('HEAD ')))
    if (answers.length > expected.length) failures.push(`${answers.length} answers`)
    const seen = answers.map(({ text }) => text).join('\n')
    if (leaks(token, pieces(seen))) failures.push('a part of the token is shown')
    if (internals.test(seen)) failures.push(`internals are shown: ${seen}`)
    return { row, token, failures }
  } catch (error) {
    return { row, token, failures: [String(error)] }
  }
}

function failuresOf(right: readonly string[], answer: Answer | undefined, isHead: boolean): string[] {
  if (!answer) return [`no answer, not ${right.join(' or ')}`]
  const found = summary(answer, isHead)
  const wanted = isHead ? right.map((is) => is.split(' ').slice(0, 2).join(' ')) : right
  const failures = wanted.includes(found) ? [] : [`answers ${found}, not ${wanted.join(' or ')}`]
  if (answer.status < 400) return failures // also one that is none: a stream of HTTP/2 that was reset
  if (answer.headers.get('cache-control') !== 'no-store') failures.push('may be cached')
  if (!/^application\/problem\+json(;|$)/.test(answer.headers.get('content-type') ?? '')) failures.push('no problem')
  if (!isHead && Object.keys(problemOf(answer)).sort().join() !== 'code,detail,requestId,status,title,type')
    failures.push(`another body: ${answer.body}`)
  return failures
}

/** An answer in the words of {@link Row.is}. */
function summary(answer: Answer, isHead: boolean): string {
  if (answer.status === 0) return 'reset'
  if (answer.status < 400) return String(answer.status)
  const header = answer.headers.get('www-authenticate')
  const { parameters, scheme } = header === null ? { parameters: {}, scheme: 'none' } : parseChallenge(header)
  const { realm, error }: Record<string, string> = parameters
  const challenge = scheme === 'none' ? 'x' : scheme === 'Bearer' && realm ? (error ?? '-') : `odd challenge ${header}`
  return isHead ? `${answer.status} ${challenge}` : `${answer.status} ${challenge} ${String(problemOf(answer).code)}`
}

function problemOf({ body }: Answer): Record<string, unknown> {
  try {
    return JSON.parse(body) as Record<string, unknown>
  } catch {
    return {}
  }
}

/** Every eight characters in a row. */
export function pieces(text: string): ReadonlySet<string> {
  return new Set(Array.from({ length: Math.max(0, text.length - 7) }, (_, at) => text.slice(at, at + 8)))
}

/** Whether any eight characters in a row of a token were seen. */
export function leaks(token: string, seen: ReadonlySet<string>): boolean {
  for (const piece of pieces(token)) if (seen.has(piece)) return true
  return false
}

/** What is wrong with a log, after all of these requests. */
export function logFailures(logged: string, outcomes: readonly Outcome[]): string[] {
  const seen = pieces(logged)
  const shown = outcomes.filter(({ token }) => leaks(token, seen)).map(({ row }) => `${nameOf(row)}: logged`)
  const inside = logged.split('\n').filter((line) => internals.test(line) && !/"metadataUrl"/.test(line))
  return [...shown, ...inside]
}
