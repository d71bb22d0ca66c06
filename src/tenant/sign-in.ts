import type { FastifyInstance } from 'fastify'
import { users } from './directory.js'
import { LOOPBACK, paths } from './endpoints.js'
import { signedOutPage, signInPage } from './pages.js'
import type { TenantState } from './state.js'

const HTML = 'text/html; charset=utf-8'

/** What a browser meets: the pages to sign in and out. */
export async function signInRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, new URLSearchParams(String(body)))
  })

  app.get(`${paths.signIn}/:uid`, (_request, reply) => reply.type(HTML).send(signInPage()))

  app.post<{ Body: URLSearchParams }>(`${paths.signIn}/:uid`, async (request, reply) => {
    const username = String(request.body.get('username')).trim().toLowerCase()
    const user = users.find((candidate) => candidate.username === username)
    if (!user) return reply.type(HTML).send(signInPage('There is no account of that name in this tenant.'))
    // The results answer every prompt the request may have come with.
    const result = { login: { accountId: user.oid }, select_account: {} }
    return reply.redirect(await state.authorizationServer.interactionResult(request.raw, reply.raw, result), 303)
  })

  app.get<{ Querystring: LogoutRequest }>(paths.logout, (request, reply) => {
    const session = state.authorizationServer.cookieName('session')
    const expire = (cookie: string) => `${cookie}=; path=/; httponly; expires=Thu, 01 Jan 1970 00:00:00 GMT`
    reply.header('set-cookie', [expire(session), expire(`${session}.sig`)])
    const { post_logout_redirect_uri: returnTo = '', state: clientState } = request.query
    if (!LOOPBACK.test(returnTo)) return reply.type(HTML).send(signedOutPage())
    const location = new URL(returnTo)
    if (clientState !== undefined) location.searchParams.set('state', clientState)
    return reply.redirect(location.href, 303)
  })
}

/**
 * OpenID Connect RP-Initiated Logout 1.0 §2. As at Entra ID, the browser's session ends without a question and without
 * naming the client; tokens stay valid until they expire.
 */
interface LogoutRequest {
  readonly post_logout_redirect_uri?: string
  readonly state?: string
}
