import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import { codePage, confirmCodePage, signedInElsewherePage } from '../sign-in/pages.js'

/** Polling interval in seconds. Entra ID uses 5; tests need a shorter one. */
const INTERVAL_SECONDS = 1

/** The pages of the device authorization grant (RFC 8628 §3.3): the user types a code, and then picks an account. */
export const deviceFlow = {
  enabled: true,
  charset: 'base-20',
  mask: '*********',
  userCodeInputSource: (ctx: KoaContextWithOIDC, form: string, _out?: object, error?: Error) =>
    show(ctx, codePage(form, error && 'This code is unknown, already used or expired.')),
  userCodeConfirmSource: (
    ctx: KoaContextWithOIDC,
    form: string,
    { clientId }: { clientId: string },
    _info: object,
    code: string
  ) => show(ctx, confirmCodePage(form, clientId, code)),
  successSource: (ctx: KoaContextWithOIDC) => show(ctx, signedInElsewherePage())
} as const

function show(ctx: KoaContextWithOIDC, page: string): void {
  ctx.type = 'html'
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
