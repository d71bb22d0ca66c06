/** Configures pino, Fastify's logger: what a line may contain. */
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { LoggerOptions } from 'pino'
import { loggedError, loggedText } from '../../plugin/index.js'

/**
 * Logger options. A request is its method, its route's pattern and the peer's address: no header, no query and no path
 * as sent, because people put tokens in all three.
 */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    serializers: {
      err: loggedError,
      msg: loggedText, // without a message, the log line takes the error's
      req: ({ method, routeOptions, ip }: FastifyRequest) => ({
        method,
        route: routeOptions?.url, // Behind a proxy that is trusted without condition, the client controls it.
        remoteAddress: isIP(ip) === 0 ? undefined : ip
      })
    },
    redact: ['headers', '*.headers', 'authorization', '*.authorization']
  }
}
