import type { Provider } from 'oidc-provider'
import { type Account, type Authority, accountOf, appName } from '../authority/authorities.js'
import type { Reason, SignInRequest } from './pages.js'
import { lacking } from './step-up.js'

/** A sign-in that waits for its user, as the authorization server stores it. */
export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** What the page says of a sign-in: which application asks, why, and of whom. */
export function signInRequest(authority: Authority, interaction: Interaction): SignInRequest {
  const { params, session } = interaction
  const reason = reasonOf(interaction)
  return {
    authority,
    app: appName(authority.clients, params.client_id),
    reason,
    expected: reason.kind === 'step-up' ? expectedOf(authority, interaction) : undefined,
    signedIn: session?.accountId
  }
}

function reasonOf({ params, session, prompt: { name, reasons }, deviceCode }: Interaction): Reason {
  const contexts = lacking(session?.amr, params.claims)
  if (deviceCode !== undefined) return { kind: 'device' }
  if (name === 'select_account') return { kind: 'pick an account' }
  if (reasons.includes('no_account')) return { kind: 'other tenant' }
  if (contexts.length > 0) return { kind: 'step-up', contexts }
  return { kind: reasons.includes('login_prompt') ? 'sign in again' : 'no session' }
}

/** The user whom the application names (OpenID Connect Core 1.0 §3.1.2.1, `login_hint`), or who is signed in. */
function expectedOf(authority: Authority, { params, session }: Interaction): Account | undefined {
  const named = accountOf(authority, String(params.login_hint).toLowerCase())
  return named ?? accountOf(authority, session?.accountId)
}
