import type { Authority } from '../authority/authorities.js'
import { isLoopback, pathsOf } from '../authority/endpoints.js'
import { escaped, page } from './layout.js'

/** A link: label and address. */
type Action = readonly [label: string, address: string]

/** A refused request, as a person reads it. All values are text. */
export interface PageError {
  readonly title: string
  /** What was found, and what to change. */
  readonly message: string
  /** Values to choose from. */
  readonly choices?: readonly string[]
  /** The error as programs get it. */
  readonly error: string
  /** What to do, the most useful first. */
  readonly actions: readonly Action[]
}

/** The page where an error cannot be sent to the application by a redirect (RFC 6749 §4.1.2.1). */
export function errorPage({ title, message, choices = [], error, actions }: PageError): string {
  const links = [...actions, ['Apps and accounts', '/'] as const].map(
    ([label, address], index) =>
      `<a class="button${index === 0 ? ' primary' : ''}" href="${escaped(address)}">${escaped(label)}</a>`
  )
  const way = actions.length > 0 ? '' : ' To return, use the Back button of your browser.'
  return page(
    title,
    `<p role="alert">${escaped(message)}</p>
${choices.map((choice) => `<p><code>${escaped(choice)}</code></p>`).join('\n')}
<p class="quiet">Error: <code>${escaped(error)}</code>.${way}</p>
<nav class="actions" aria-label="What to do">
${links.join('\n')}
</nav>`
  )
}

/** Back to the application: the first of these addresses that is on this machine. */
export function backTo(...addresses: readonly unknown[]): readonly Action[] {
  const address = addresses.map(String).find(isLoopback)
  if (address === undefined) return []
  const { origin, host } = new URL(address)
  return [[`Back to ${host}`, origin]]
}

/** The parts of a stored sign-in that can begin it again. */
export interface StoredSignIn {
  readonly params: Readonly<Record<string, string>>
  readonly deviceCode?: string | undefined
}

/** A page of a sign-in was open when it ended, elsewhere or by a restart. */
export function lostSignIn({ name }: Authority, error: string, stored: StoredSignIn | undefined): PageError {
  const lost = { title: 'This sign-in cannot continue', error }
  const reason = 'It is complete already, has expired, or began in another browser.'
  if (!stored) {
    const message = `${reason} Or the tenant was restarted. Go back to the application, and sign in again.`
    return { ...lost, message, actions: [] }
  }
  const { authorize, deviceAuth } = pathsOf(name)
  const message = `${reason} You can begin again.`
  if (stored.deviceCode !== undefined) return { ...lost, message, actions: [['Enter a code', deviceAuth]] }
  const query = new URLSearchParams(stored.params)
  const pick = new URLSearchParams({ ...stored.params, prompt: 'select_account' })
  const actions: readonly Action[] = [
    ['Sign in', `${authorize}?${query}`],
    ['Pick another account', `${authorize}?${pick}`],
    ...backTo(stored.params.redirect_uri)
  ]
  return { ...lost, message, actions }
}
