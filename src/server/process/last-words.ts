/** Reports once what ends the process: in the log at `fatal`, or on stderr without a log. */
import { setTimeout } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { type LoggedError, loggedError } from '../../plugin/index.js'

/** The part of a logger that is used. */
type Log = Pick<FastifyBaseLogger, 'fatal' | 'level'>

/**
 * Reports what ends the process.
 *
 * @param error the thrown value
 * @param log where it is written, unless it is silent; default: stderr
 */
export function lastWords(error: unknown, log?: Log): void {
  const err = shownError(error)
  if (log && log.level !== 'silent') log.fatal({ err }, 'the process ends')
  else process.stderr.write(`fastify-entra: ${textOf(err)}\n`)
}

/** Reports uncaught exceptions and rejections of a command that has nothing to close. */
export function endOnFaults(): void {
  process.on('uncaughtException', (error) => {
    lastWords(error)
    process.exit(1)
  })
}

/**
 * Closes on a signal; and after an uncaught exception, a rejection, or when nothing keeps the process running, each of which it reports
 * first. The process then ends, with status 0 only after a signal.
 *
 * @param app the running app, for its log
 * @param close closes all open resources; gets the signal, if one is the reason
 * @param delay milliseconds that closing may take, evaluated when it begins; gets the signal as well
 */
export function closeGracefully(
  app: () => FastifyInstance | undefined,
  close: (signal: string | undefined) => Promise<unknown>,
  delay: (signal: string | undefined) => number
) {
  const say = (error: unknown) => lastWords(error, app()?.log)
  const options = { delay: false, logger: { error: say }, onSecondError: say } as const
  closeWithGrace(options, async (end) => {
    if (end.signal) app()?.log.warn({ signal: end.signal }, 'closing')
    else say('err' in end ? end.err : idle)
    const most = delay(end.signal)
    const late = setTimeout(
      most,
      new Error(`closing took longer than ${most / 1000} seconds; open requests are cut off`)
    )
    const error = await Promise.race([close(end.signal).then(() => undefined), late])
    if (error) {
      say(error)
      process.exit(1)
    }
    if (!end.signal) process.exit(1) // also if the thrown value is `undefined`
  })
}

/** A startup that waits for an event that never comes, or a server that was closed: Node would end with a status only. */
const idle = new Error('nothing is left that keeps the process running')

/** Formats an error as in the log, without the server's secrets. */
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
  const own = Object.entries(env).flatMap(([name, value]) => (/^ENTRA_CLIENT_SECRET/.test(name) ? [String(value)] : []))
  return [...own, ...inUrls].filter((secret) => secret.length >= 4)
}
