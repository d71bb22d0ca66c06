/** What ends the process is said, once: in the log at `fatal`, or on stderr where there is no log. */
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'

/** The part of a logger that it takes. */
type Log = Pick<FastifyBaseLogger, 'fatal' | 'level'>

/** Causes of causes beyond this are of no help. */
const maxCauses = 5

/**
 * Says what ends the process.
 *
 * @param error whatever was thrown
 * @param log where it is written, unless it is silent; default: stderr
 */
export function lastWords(error: unknown, log?: Log): void {
  const err = shownError(error)
  if (log && log.level !== 'silent') log.fatal({ err }, 'the process ends')
  else process.stderr.write(`fastify-entra: ${textOf(err)}\n`)
}

/** Has a command say what ends it, where nothing has to be closed: exceptions that nobody catches, and rejections. */
export function endOnFaults(): void {
  process.on('uncaughtException', (error) => {
    lastWords(error)
    process.exit(1)
  })
}

/**
 * Closes on a signal, and after an exception that nobody catches, a rejection, or when there is nothing left to do, which is said first; the process
 * then ends, with status 0 after a signal alone.
 *
 * @param app what is running by then, for its log
 * @param close closes all that is open
 * @param delay milliseconds that closing may take
 */
export function closeGracefully(app: () => FastifyInstance | undefined, close: () => Promise<unknown>, delay: number) {
  const say = (error: unknown) => lastWords(error, app()?.log)
  const options = { delay, logger: { error: say }, onSecondError: say }
  closeWithGrace(options, async (end) => {
    if (end.signal) app()?.log.warn({ signal: end.signal }, 'closing')
    else say('err' in end ? end.err : idle)
    await close()
    if (!end.signal) process.exit(1) // also where what was thrown is `undefined`
  })
}

/** A start that waits for what never comes, or a server that somebody closed: Node would end with a status and nothing more. */
const idle = new Error('there is nothing left to wait for')

/**
 * An error, as far as it may be shown: name, message, code and stack, and those of its causes. Not what else it holds: a request that was sent, a
 * command with a password, the address that could not be parsed.
 */
function shownError(error: unknown, depth = 0): Error {
  if (!(error instanceof Error)) return withoutStack(typeof error === 'object' ? 'an object was thrown' : String(error))
  const { name, message, stack = '', code, cause, errors } = error as NodeJS.ErrnoException & Partial<AggregateError>
  const shown = withoutStack(masked(String(message)))
  shown.stack = masked(String(stack))
  const reason = cause ?? errors?.[0]
  if (reason !== undefined && depth < maxCauses) shown.cause = shownError(reason, depth + 1)
  return Object.assign(shown, { name: masked(String(name)) }, code !== undefined && { code: masked(String(code)) })
}

function withoutStack(message: string): Error {
  const made = new Error(masked(message))
  made.stack = `Error: ${made.message}`
  return made
}

function textOf({ message, stack = '', code, cause }: NodeJS.ErrnoException): string {
  const missing = [code, message].filter((text) => text !== undefined && !stack.includes(text))
  return [...missing, stack, ...(cause instanceof Error ? [`caused by ${textOf(cause)}`] : [])].join('\n')
}

/** Without tokens, what follows `Bearer` or `Basic`, and passwords of URLs; and without the secrets that the server was given. */
function masked(text: string): string {
  const known = secretsIn(process.env).reduce((rest, secret) => rest.replaceAll(secret, '…'), text)
  return known
    .replace(/\beyJ[\w-]+(\.[\w-]*)*/g, '…')
    .replace(/\b(bearer|basic) +[^\s"']+/gi, '$1 …')
    .replace(/(:\/\/)[^\s"'/]*:[^\s"']*@/g, '$1…@')
}

function secretsIn(env: NodeJS.ProcessEnv): readonly string[] {
  const inUrls = Object.values(env).map((value = '') => /:\/\/[^:/]*:(.+)@/s.exec(value)?.[1] ?? '')
  return [env.ENTRA_CLIENT_SECRET ?? '', ...inUrls].filter((secret) => secret.length >= 4)
}
