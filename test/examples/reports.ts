/** What is seen of the examples from the other side: requests for tokens, and what the API answered. */
import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

/** A request that the API answered. */
export interface Answered {
  readonly path: string
  readonly status: number
  readonly authorization: string | undefined
}

/** A log for the embedded tenant, which tells of each request for a token. */
export function tokenRequestLog(report: () => void) {
  const stream = new Writable({
    write(line, _encoding, done) {
      const { req } = JSON.parse(String(line)) as { req?: { url: string } }
      if (req && new URL(req.url, 'http://tenant').pathname.endsWith('/oauth2/v2.0/token')) report()
      done()
    }
  })
  return { level: 'info', stream }
}

/** Tells what a listening API answers. */
export function reportAnswers(app: FastifyInstance, report: (answered: Answered) => void): void {
  app.server.prependListener('request', ({ url = '', headers: { authorization } }, response) => {
    response.once('finish', () => report({ path: url, status: response.statusCode, authorization }))
  })
}
