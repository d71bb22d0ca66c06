import type { FastifyInstance } from 'fastify'
import { type Authority, accountOf, common, tenants } from '../authority/authorities.js'
import { LOOPBACK, pathsOf } from '../authority/endpoints.js'
import type { TenantState } from '../authority/state.js'
import { signedOutPage, signInPage } from './pages.js'
import { proved } from './step-up.js'

const HTML = 'text/html; charset=utf-8'

/** The pages to sign in and out. */
export async function signInRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, new URLSearchParams(String(body)))
  })
  for (const authority of [...tenants, common]) {
    serveSignIn(app, state, authority)
    serveSignOut(app, state, authority)
  }
}

function serveSignIn(app: FastifyInstance, state: TenantState, authority: Authority): void {
  const path = `${pathsOf(authority.name).signIn}/:uid`
  app.get(path, (_request, reply) => reply.type(HTML).send(signInPage(authority)))

  app.post<{ Body: URLSearchParams }>(path, async (request, reply) => {
    const username = String(request.body.get('username')).trim().toLowerCase()
    if (!accountOf(authority, username)) return reply.type(HTML).send(signInPage(authority, refusalOf(username)))
    const server = state.serverOf(authority)
    const { params, session } = await server.interactionDetails(request.raw, reply.raw)
    const amr = proved(session?.accountId === username ? session.amr : [], params.claims)
    // The results satisfy every prompt of the request.
    const result = { login: { accountId: username, amr }, select_account: {} }
    return reply.redirect(await server.interactionResult(request.raw, reply.raw, result), 303)
  })
}

/** Microsoft: "Error AADSTS50020 - User account from identity provider does not exist in tenant". */
function refusalOf(username: string): string {
  const home = accountOf(common, username)
  if (!home) return 'There is no account of that name in this tenant.'
  return `AADSTS50020: ${home.user.username} belongs to tenant ${home.tenantId}, and is not a guest of this one.`
}

function serveSignOut(app: FastifyInstance, state: TenantState, authority: Authority): void {
  app.get<{ Querystring: LogoutRequest }>(pathsOf(authority.name).logout, (request, reply) => {
    const session = state.serverOf(authority).cookieName('session')
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
 * OpenID Connect RP-Initiated Logout 1.0 §2. As at Entra ID, the browser's session ends without confirmation and without naming the client;
 * tokens stay valid until they expire.
 */
interface LogoutRequest {
  readonly post_logout_redirect_uri?: string
  readonly state?: string
}
