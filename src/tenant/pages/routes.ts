import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { tokenFor } from '../access-tokens.js'
import { common, organizations, tenants } from '../authority/authorities.js'
import { describeTenant } from '../description.js'
import { descriptionPage, tokenPage } from './description.js'
import { backTo, errorPage } from './error.js'
import { acceptsPage, pageHeaders } from './layout.js'

const authorities = [...tenants, common, organizations]

/** The start page, which is a description for programs, and the page of a token. */
export async function startPageRoutes(app: FastifyInstance, { origin }: { origin: string }): Promise<void> {
  const description = describeTenant(origin)
  readForms(app)
  app.get('/', ({ headers }, reply) =>
    acceptsPage(headers.accept)
      ? reply.headers(pageHeaders).send(descriptionPage(origin, description))
      : reply.send(description)
  )
  app.get('/favicon.ico', (_request, reply) => reply.code(204).send())

  app.post<{ Body: URLSearchParams | undefined }>('/_token', async ({ body }, reply) => {
    const name = String(body?.get('name'))
    const token = await tokenFor(origin, description, name).catch((cause) => {
      const advice = 'with https, the process must trust the certificate: NODE_EXTRA_CA_CERTS'
      throw new Error(`The tenant cannot reach itself at ${origin}; ${advice}.`, { cause })
    })
    reply.headers(pageHeaders)
    if (token !== undefined) return reply.send(tokenPage(name, token))
    const message = `There is no account or app ${name} that gets tokens. Pick one on the start page.`
    return reply.code(400).send(errorPage({ title: 'No token', message, error: 'unknown name', actions: [] }))
  })
}

/** The only bodies that pages send (HTML §4.10.22.7). */
export function readForms(app: FastifyInstance): void {
  app.removeContentTypeParser(['application/json', 'text/plain'])
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, new URLSearchParams(String(body)))
  })
}

/** Shows errors to browsers as pages; programs get Fastify's JSON. */
export function showErrors(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (!acceptsPage(request.headers.accept)) return reply.send(error)
    const { statusCode = 500, message } = error
    return sendError(request, reply, statusCode, 'The request failed', message)
  })

  app.setNotFoundHandler((request, reply) => {
    const { method, originalUrl, headers } = request
    if (!acceptsPage(headers.accept)) {
      const body = { message: `Route ${method}:${originalUrl} not found`, error: 'Not Found', statusCode: 404 }
      return reply.code(404).send(body)
    }
    const [, name = ''] = /^\/([^/?]+)\/(?:oauth2|v2\.0|discovery|login|\.well-known)\//.exec(originalUrl) ?? []
    const isTenant = authorities.some((authority) => authority.name === name)
    const message =
      name === '' || isTenant
        ? 'There is no page at this address. The start page lists what there is.'
        : `AADSTS90002: There is no tenant ${name} here. The start page lists the embedded tenants.`
    return sendError(request, reply, 404, 'Page not found', message)
  })
}

function sendError({ headers }: FastifyRequest, reply: FastifyReply, status: number, title: string, message: string) {
  const page = errorPage({ title, message, error: String(status), actions: backTo(headers.referer) })
  return reply.code(status).headers(pageHeaders).send(page)
}
