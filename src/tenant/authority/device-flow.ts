import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import { errorPage, lostSignIn } from '../pages/error.js'
import { pageHeaders } from '../pages/layout.js'
import { cancelledPage, codePage, confirmCodePage, type DeviceForm, signedInElsewherePage } from '../sign-in/pages.js'
import { type Authority, appName } from './authorities.js'

/** Polling interval in seconds. Entra ID uses 5; tests need a shorter one. */
const INTERVAL_SECONDS = 1

/** An error for which the page to enter the code is shown again. */
interface CodeError {
  readonly name: string
  readonly userCode?: string
}

/**
 * The pages of the device authorization grant (RFC 8628 §3.3): the user types a code, and then picks an account. The authorization server's own
 * forms have scripts, which the content-security policy of the pages forbids.
 */
export const deviceFlow = (authority: Authority) =>
  ({
    enabled: true,
    charset: 'base-20',
    mask: '*********',
    userCodeInputSource: (ctx: KoaContextWithOIDC, _form: string, _out?: object, error?: CodeError) =>
      show(ctx, inputPage(authority, ctx, error)),
    userCodeConfirmSource: (
      ctx: KoaContextWithOIDC,
      _form: string,
      { clientId }: { clientId: string },
      _info: object,
      code: string
    ) => show(ctx, confirmCodePage(formOf(ctx), appName(authority.clients, clientId), code)),
    successSource: (ctx: KoaContextWithOIDC) =>
      show(ctx, signedInElsewherePage(appName(authority.clients, ctx.oidc.client?.clientId)))
  }) as const

function inputPage(authority: Authority, ctx: KoaContextWithOIDC, error: CodeError | undefined): string {
  if (error?.name === 'AbortedError') return cancelledPage()
  const { session } = ctx.oidc
  // A form without the cookie of a session, as after a restart of the tenant. The server would fail to save the session that it began for it.
  if (error && session?.exp === undefined) {
    Object.assign(Object(session), { touched: false })
    return errorPage(
      lostSignIn(authority, 'invalid_request: this browser has no such sign-in', { params: {}, deviceCode: '' })
    )
  }
  return codePage(formOf(ctx), error && messageOf(error), error?.userCode)
}

/** What is wrong with a code, or with the request that has it. */
function messageOf({ name }: CodeError): string {
  if (name === 'NoCodeError') return 'Enter the code first.'
  if (['NotFoundError', 'ExpiredError', 'AlreadyUsedError'].includes(name))
    return 'This code is unknown, already used or expired. Compare it with the one on your device, or start again there.'
  return 'The page was open for too long, or in another browser. Enter the code again.'
}

function formOf({ oidc }: KoaContextWithOIDC): DeviceForm {
  return { action: oidc.urlFor('code_verification'), xsrf: String(oidc.session?.state?.secret) }
}

function show(ctx: KoaContextWithOIDC, page: string): void {
  ctx.set(pageHeaders)
  ctx.body = page
}

const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** The Microsoft libraries name the grant as drafts of RFC 8628 did. */
const DRAFT_NAME = 'device_code'

/**
 * Every public client may use it. As a grant of its registration, the authorization server would not accept it with pairwise subjects,
 * which Entra ID uses.
 */
export function allowDeviceFlow({ Client: { prototype }, OIDCContext }: Provider): void {
  const { grantTypeAllowed } = prototype
  prototype.grantTypeAllowed = function isAllowed(type) {
    return type === DEVICE_CODE_GRANT ? this.tokenEndpointAuthMethod === 'none' : grantTypeAllowed.call(this, type)
  }
  const bodies = new WeakMap<object, Record<string, unknown>>()
  Object.defineProperty(OIDCContext.prototype, 'body', {
    get: function get(this: object) {
      return bodies.get(this)
    },
    set: function set(this: object, body: Record<string, unknown>) {
      bodies.set(this, body.grant_type === DRAFT_NAME ? { ...body, grant_type: DEVICE_CODE_GRANT } : body)
    }
  })
}

/** Members of Entra ID's response that the Microsoft libraries need, in addition to RFC 8628 §3.2. */
export function describeDeviceFlow(_ctx: KoaContextWithOIDC, body: Record<string, unknown>): void {
  const { verification_uri, user_code } = body
  const message = `To sign in, open ${verification_uri} in a browser and enter the code ${user_code}.`
  Object.assign(body, { interval: INTERVAL_SECONDS, message })
}
