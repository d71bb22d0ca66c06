import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Authority, accountOf, common, tenants } from '../authority/authorities.js'
import { isLoopback, pathsOf } from '../authority/endpoints.js'
import type { TenantState } from '../authority/state.js'
import { errorPage, lostSignIn, type StoredSignIn } from '../pages/error.js'
import { pageHeaders } from '../pages/layout.js'
import { readForms } from '../pages/routes.js'
import { otherAccountPage, signedOutPage, signInPage } from './pages.js'
import { type Interaction, signInRequest } from './request.js'
import { proved } from './step-up.js'

/** The pages to sign in and out. */
export async function signInRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  readForms(app)
  for (const authority of [...tenants, common]) {
    serveSignIn(app, state, authority)
    serveSignOut(app, state, authority)
  }
}

interface SignIn {
  readonly Params: { readonly uid: string }
  readonly Body: URLSearchParams | undefined
}

function serveSignIn(app: FastifyInstance, state: TenantState, authority: Authority): void {
  const path = `${pathsOf(authority.name).signIn}/:uid`
  app.get<SignIn>(path, async ({ params }, reply) => {
    const interaction = await state.serverOf(authority).Interaction.find(params.uid)
    if (!interaction) return lost(reply, authority, undefined)
    return reply.headers(pageHeaders).send(signInPage(signInRequest(authority, interaction)))
  })

  app.post<SignIn>(path, async (request, reply) => {
    const server = state.serverOf(authority)
    const interaction = await ownInteraction(request, reply, state, authority)
    if (!interaction) return lost(reply, authority, await server.Interaction.find(request.params.uid))
    const form = request.body ?? new URLSearchParams()
    const username = String(form.get('username')).trim().toLowerCase()
    const asked = signInRequest(authority, interaction)
    const account = accountOf(authority, username)
    reply.headers(pageHeaders)
    if (!account) return reply.send(signInPage(asked, refusalOf(username)))
    if (asked.expected && asked.expected !== account && form.get('confirmed') !== 'yes')
      return reply.send(otherAccountPage(asked.app, asked.expected, account))
    const { params, session } = interaction
    const amr = proved(session?.accountId === username ? session.amr : [], params.claims)
    // The results satisfy every prompt of the request.
    const result = { login: { accountId: username, amr }, select_account: {} }
    return reply.redirect(await server.interactionResult(request.raw, reply.raw, result), 303)
  })
}

/** The sign-in that the browser's cookie names; there is none if it ended, or began in another browser. */
async function ownInteraction(
  { raw }: FastifyRequest<SignIn>,
  reply: FastifyReply,
  state: TenantState,
  authority: Authority
): Promise<Interaction | undefined> {
  try {
    return await state.serverOf(authority).interactionDetails(raw, reply.raw)
  } catch {
    return undefined
  }
}

function lost(reply: FastifyReply, authority: Authority, stored: Interaction | undefined): FastifyReply {
  const error = lostSignIn(
    authority,
    'invalid_request: this browser has no such sign-in',
    stored as StoredSignIn | undefined
  )
  return reply.code(400).headers(pageHeaders).send(errorPage(error))
}

/** Microsoft: "Error AADSTS50020 - User account from identity provider does not exist in tenant". */
function refusalOf(username: string): string {
  const home = accountOf(common, username)
  if (!home) return 'There is no account of that name in this tenant. Pick one of these.'
  return `AADSTS50020: ${home.user.username} belongs to tenant ${home.tenantId}, and is not a guest of this one. Pick another account.`
}

function serveSignOut(app: FastifyInstance, state: TenantState, authority: Authority): void {
  app.get<{ Querystring: LogoutRequest }>(pathsOf(authority.name).logout, (request, reply) => {
    const session = state.serverOf(authority).cookieName('session')
    const expire = (cookie: string) => `${cookie}=; path=/; httponly; expires=Thu, 01 Jan 1970 00:00:00 GMT`
    reply.header('set-cookie', [expire(session), expire(`${session}.sig`)])
    const { post_logout_redirect_uri: returnTo = '', state: clientState } = request.query
    if (!isLoopback(returnTo)) return reply.headers(pageHeaders).send(signedOutPage())
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
