import type { Account, Authority } from '../authority/authorities.js'
import { escaped, list, page } from '../pages/layout.js'

/** Who asks for a sign-in, why, and of whom. */
export interface SignInRequest {
  readonly authority: Authority
  /** The name of the application. */
  readonly app: string
  readonly reason: Reason
  /** A stronger sign-in is of one user: whoever picks another account must confirm that it is meant. */
  readonly expected: Account | undefined
  /** The user name of whoever is signed in. */
  readonly signedIn: string | undefined
}

/** Why a sign-in is necessary. */
export type Reason =
  | { readonly kind: 'device' | 'no session' | 'sign in again' | 'pick an account' | 'other tenant' }
  | { readonly kind: 'step-up'; readonly contexts: readonly string[] }

/** The page on which to pick or enter an account; it posts to itself. `message` explains why the last attempt failed. */
export function signInPage(request: SignInRequest, message = ''): string {
  const { expected, authority } = request
  const others = authority.accounts.filter((account) => account !== expected)
  return page(
    request.reason.kind === 'step-up' ? 'Sign in again' : 'Sign in',
    `<p class="lead">${reasonOf(request)}</p>
<p role="alert">${escaped(message)}</p>
${expected ? accountForm('Continue', [expected], request, 'primary') : ''}
${accountForm(expected ? 'Use another account' : 'Pick an account', others, request)}
<form method="post">
<h2>Or enter a user name</h2>
<label for="username">User name</label>
<div class="field">
<input id="username" name="username" type="email" autocomplete="username" required>
<button>Sign in</button>
</div>
</form>`
  )
}

function reasonOf({ app, reason, expected, signedIn = '' }: SignInRequest): string {
  const name = `<strong>${escaped(app)}</strong>`
  switch (reason.kind) {
    case 'device':
      return `Sign in for ${name}, which runs on another device.`
    case 'step-up': {
      const whose = expected ? ` of ${personOf(expected)}` : ''
      const contexts = reason.contexts.map((context) => `<code>${escaped(context)}</code>`).join(', ')
      return `${name} requires a stronger sign-in${whose}, with the authentication context ${contexts}.`
    }
    case 'other tenant':
      return `${name} requires an account of this tenant. ${escaped(signedIn)} is signed in, and has no account here.`
    case 'sign in again':
      return `${name} asks you to sign in again.`
    case 'pick an account':
      return `${name} asks you to pick an account.`
    case 'no session':
      return `Sign in to continue to ${name}.`
  }
}

const personOf = ({ user: { name, username } }: Account) => `<strong>${escaped(name)}</strong> (${escaped(username)})`

function accountForm(title: string, accounts: readonly Account[], { signedIn }: SignInRequest, look = ''): string {
  const buttons = accounts.map(({ user: { username, name, roles, homeTenantId } }) => {
    const facts = [
      ...(username === signedIn ? ['signed in'] : []),
      ...(homeTenantId === undefined ? [] : ['guest']),
      ...roles
    ]
    const tag = facts.length > 0 ? `<span class="tag">${facts.map(escaped).join(', ')}</span>` : ''
    return `<button class="${look}" name="username" value="${escaped(username)}"><strong>${escaped(name)}</strong> <span class="quiet">${escaped(username)}</span>${tag}</button>`
  })
  return `<form method="post">\n<h2>${title}</h2>\n${list(buttons, 'accounts')}\n</form>`
}

/** The question to a user who picks another account than the one that a stronger sign-in is for. */
export function otherAccountPage(app: string, expected: Account, picked: Account): string {
  return page(
    'Use another account?',
    `<p class="lead"><strong>${escaped(app)}</strong> requires a stronger sign-in of ${personOf(expected)}. You picked ${personOf(picked)}.</p>
<p>If you continue with the account that you picked, the application goes on with that account, and ${escaped(expected.user.name)} is signed out.</p>
<div class="actions">
<form method="post"><button class="primary" name="username" value="${escaped(expected.user.username)}">Continue as ${escaped(expected.user.name)}</button></form>
<form method="post"><input type="hidden" name="username" value="${escaped(picked.user.username)}"><button name="confirmed" value="yes">Sign in as ${escaped(picked.user.name)}</button></form>
<a class="button" href="">Pick another account</a>
</div>`
  )
}

/** A form of the device authorization grant: where it posts to, and its protection against forged requests. */
export interface DeviceForm {
  readonly action: string
  readonly xsrf: string
}

const deviceForm = ({ action, xsrf }: DeviceForm, content: string) => `<form method="post" action="${escaped(action)}">
<input type="hidden" name="xsrf" value="${escaped(xsrf)}">
${content}
</form>`

/** The page to enter the code that a device shows. `typed` is the code that was refused. */
export function codePage(form: DeviceForm, message = '', typed = ''): string {
  return page(
    'Sign in for another device',
    `<p class="lead">Enter the code that the app on your device shows.</p>
<p role="alert">${escaped(message)}</p>
${deviceForm(
  form,
  `<label for="user_code">Code</label>
<div class="field">
<input id="user_code" class="code" name="user_code" value="${escaped(typed)}" autocomplete="off" autocapitalize="characters" spellcheck="false" required>
<button class="primary">Next</button>
</div>`
)}`
  )
}

/** The page to confirm the code of the device. */
export function confirmCodePage(form: DeviceForm, app: string, code: string): string {
  return page(
    'Sign in for another device',
    `<p class="lead"><strong>${escaped(app)}</strong> asks you to sign in on a device that shows this code:</p>
${deviceForm(
  form,
  `<input type="hidden" name="user_code" value="${escaped(code)}">
<input type="hidden" name="confirm" value="yes">
<p class="usercode"><code>${escaped(code)}</code></p>
<p>Continue only if your own device shows the same code, and you started the sign-in there. The app on that device gets access to your account.</p>
<div class="actions">
<button class="primary">Continue</button>
<button name="abort" value="yes">Cancel</button>
</div>`
)}`
  )
}

/** The page after that: the device continues. */
export function signedInElsewherePage(app: string): string {
  return page(
    'Signed in',
    `<p class="lead">You signed in on your device, to <strong>${escaped(app)}</strong>. You can close this page.</p>`
  )
}

/** The page after refusing the device. */
export function cancelledPage(): string {
  return page('Cancelled', '<p class="lead">The device does not get access. You can close this page.</p>')
}

/** The page after signing out, if no application requested a redirect. */
export function signedOutPage(): string {
  return page('Signed out', '<p class="lead">You signed out of your account. You can close this page.</p>')
}
