import type { errors, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { backTo, errorPage, lostSignIn, type PageError, type StoredSignIn } from '../pages/error.js'
import { acceptsPage, pageHeaders } from '../pages/layout.js'
import type { Authority } from './authorities.js'

interface ErrorOut {
  readonly error: string
  readonly error_description?: string | undefined
}

/** Answers an authorization request that is refused without a redirect: a page for browsers, JSON for programs. */
export function showError(authority: Authority) {
  return (ctx: KoaContextWithOIDC, out: ErrorOut, error: errors.OIDCProviderError | Error): void => {
    if (acceptsPage(ctx.get('accept'))) {
      ctx.set(pageHeaders)
      ctx.body = errorPage(pageErrorOf(authority, ctx, out, error.name))
    } else ctx.body = { error: out.error, error_description: out.error_description }
  }
}

function pageErrorOf(
  authority: Authority,
  { oidc, headers }: KoaContextWithOIDC,
  { error, error_description: description }: ErrorOut,
  name: string
): PageError {
  const text = `${error}: ${description}`
  if (name === 'SessionNotFound')
    return lostSignIn(authority, text, oidc.entities.Interaction as StoredSignIn | undefined)
  const { client_id, redirect_uri } = { ...oidc.params }
  const page = { error: text, actions: backTo(headers.referer, redirect_uri) }
  if (error === 'invalid_client') {
    const message = `AADSTS700016: There is no application ${client_id} in this tenant. Set client_id to one that signs users in:`
    const apps = authority.clients.filter(({ clientSecret }) => clientSecret === undefined)
    const choices = apps.map((app) => `${app.clientId} (${app.name})`)
    return { ...page, title: 'Unknown application', message, choices }
  }
  if (error === 'invalid_redirect_uri') {
    const message = `AADSTS50011: The redirect URI ${redirect_uri} is not registered. The embedded tenant accepts any address on localhost, 127.0.0.1 and [::1].`
    return { ...page, title: 'Unknown redirect URI', message }
  }
  return {
    ...page,
    title: 'The request is not valid',
    message: `The application sent a request that is not valid: ${description}.`
  }
}

/** Shows a browser that an address below an authority is not one of its endpoints, or takes no GET request. */
export const showNotFound: Parameters<Provider['use']>[0] = async (ctx, next) => {
  await next()
  if (ctx.status !== 404 || !acceptsPage(ctx.get('accept'))) return
  ctx.set(pageHeaders)
  ctx.status = 404
  const message = 'There is no page at this address. The start page lists what there is.'
  ctx.body = errorPage({ title: 'Page not found', message, error: '404', actions: backTo(ctx.get('referer')) })
}
