/** What ends the process is said, once: in the log at `fatal`, or on stderr where there is no log. */
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { type LoggedError, loggedError } from '../../plugin/index.js'

/** The part of a logger that it takes. */
type Log = Pick<FastifyBaseLogger, 'fatal' | 'level'>

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
const idle = new Error('nothing is left that keeps the process running')

/** As a log shows an error, and without the secrets that the server was given. */
function shownError(error: unknown): LoggedError {
  const known = secretsIn(process.env)
  const masked = (text: string) => known.reduce((rest, secret) => rest.replaceAll(secret, '…'), text)
  return JSON.parse(JSON.stringify(loggedError(error)), (_name, value) =>
    typeof value === 'string' ? masked(value) : value
  )
}

function textOf({ code, message, stack = '', cause, errors = [] }: LoggedError): string {
  const missing = [code, message].map(String).filter((text) => text !== 'undefined' && !stack.includes(text))
  const causes = [...(cause ? [cause] : []), ...errors].map((each) => `caused by ${textOf(each)}`)
  return [...missing, stack, ...causes].filter((text) => text !== '').join('\n')
}

function secretsIn(env: NodeJS.ProcessEnv): readonly string[] {
  const inUrls = Object.values(env).map((value) => /:\/\/[^:/]*:(.+)@/s.exec(String(value))?.[1] ?? '')
  const own = Object.entries(env).flatMap(([name, value]) => (name === 'ENTRA_CLIENT_SECRET' ? [String(value)] : []))
  return [...own, ...inUrls].filter((secret) => secret.length >= 4)
}
