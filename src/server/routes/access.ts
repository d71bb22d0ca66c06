import type { FastifyInstance } from 'fastify'
import type { RouteAuth } from '../../plugin/index.js'
import { accessPage, accessPagePolicy } from '../pages/access-page.js'

/** The access matrix as a page. */
export async function accessRoutes(app: FastifyInstance, { auth }: { auth: RouteAuth }): Promise<void> {
  app.get('/docs/access', { config: { auth }, schema: { hide: true } }, (_request, reply) =>
    reply
      .header('content-security-policy', accessPagePolicy)
      .type('text/html; charset=utf-8')
      .send(accessPage(app.accessMatrix()))
  )
}
