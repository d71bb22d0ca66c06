/** The pages: what each calls, and how it shows the response. */
import { chips, code, facts, h } from './dom.js'

export interface Page {
  readonly path: string
  readonly title: string
  readonly lead: string
  /** The route of the API that it calls. */
  readonly route: string
  /** What that route requires, in a few words. */
  readonly requires: string
  readonly show: (body: unknown) => HTMLElement
}

export const pages: readonly Page[] = [
  {
    path: '/protected',
    title: 'Your principal',
    lead: 'Who you are to the API, as it reads your verified token.',
    route: '/me',
    requires: 'scope access_as_user',
    show: principal
  },
  {
    path: '/admin',
    title: 'Administrators only',
    lead: 'For users who hold the role Admin. Everyone else gets an error that says what is missing.',
    route: '/role-protected',
    requires: 'role Admin',
    show: message
  },
  {
    path: '/users',
    title: 'Directory',
    lead: 'The users of the tenant, which the API reads with its own credentials.',
    route: '/users',
    requires: 'scope Directory.Read and role Admin',
    show: directory
  },
  {
    path: '/step-up',
    title: 'Step up',
    lead: 'Requires a stronger sign-in. The API sends a challenge, you sign in again, and the app repeats the call.',
    route: '/step-up-protected',
    requires: 'authentication context c1',
    show: message
  }
]

function message(body: unknown): HTMLElement {
  const { message: text } = body as { readonly message?: string }
  return h('p', { class: 'success' }, text ?? 'The API allowed the call.')
}

interface Principal {
  readonly kind: string
  readonly id: string
  readonly tenantId: string
  readonly clientId: string
  readonly isGuest?: boolean
  readonly hasMoreGroups?: boolean
  readonly name?: string
  readonly email?: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly groups: readonly string[]
}

/** The letters that stand for a person. */
export function initials(name: string): string {
  const [first = '', ...others] = name.trim().split(/\s+/)
  return `${first.charAt(0)}${others.at(-1)?.charAt(0) ?? ''}`.toUpperCase()
}

function principal(body: unknown): HTMLElement {
  const { name = '', email, isGuest, ...rest } = body as Principal
  return h(
    'section',
    { class: 'principal', 'aria-label': 'Principal' },
    h('div', { class: 'avatar large', 'aria-hidden': 'true' }, initials(name)),
    h('div', {}, h('h2', {}, name), h('p', { class: 'quiet' }, email, isGuest === true && ', guest of this tenant')),
    facts([
      ['Roles', chips(rest.roles, 'no roles')],
      ['Scopes', chips(rest.scopes, 'no scopes')],
      ['Groups', rest.hasMoreGroups ? 'more than fit into a token' : chips(rest.groups, 'no groups')],
      ['Object ID', code(rest.id)],
      ['Tenant', code(rest.tenantId)],
      ['Client', code(rest.clientId)]
    ])
  )
}

interface DirectoryUser {
  readonly id: string
  readonly displayName: string | null
  readonly userPrincipalName: string
}

function directory(body: unknown): HTMLElement {
  const { users } = body as { readonly users: readonly DirectoryUser[] }
  const heads = ['Name', 'User name', 'Object ID'].map((text) => h('th', { scope: 'col' }, text))
  const rows = users.map(({ id, displayName, userPrincipalName }) =>
    h('tr', {}, h('th', { scope: 'row' }, displayName), h('td', {}, userPrincipalName), h('td', {}, h('code', {}, id)))
  )
  return h(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': 'Users of the tenant', tabindex: '0' },
    h('table', {}, h('caption', {}, `${users.length} users`), h('thead', {}, h('tr', {}, heads)), h('tbody', {}, rows))
  )
}
