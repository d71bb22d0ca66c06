/** The frame of every page: the name of the app, the signed-in user, and the links. */
import type { AccountInfo } from '@azure/msal-browser'
import { h } from './dom.js'
import { initials, pages } from './pages.js'

/** Fills header and navigation for the page that is open. */
export function showShell(account: AccountInfo | null, path: string): void {
  const brand = h(
    'a',
    { class: 'brand', href: '/' },
    h('span', { class: 'mark', 'aria-hidden': 'true' }),
    'fastify-entra'
  )
  document.getElementById('header')?.replaceChildren(brand, account ? user(account) : signIn())
  const links = [{ path: '/', title: 'Overview', route: '' }, ...pages].map(({ path: target, title, route }) =>
    h(
      'li',
      {},
      h(
        'a',
        { href: target, 'aria-current': target === path && 'page' },
        title,
        route !== '' && h('code', { 'aria-hidden': 'true' }, route)
      )
    )
  )
  const nav = document.getElementById('nav')
  nav?.replaceChildren(h('ul', {}, links))
  // On a phone the links are a row that scrolls.
  const current = nav?.querySelector<HTMLElement>('[aria-current]')
  if (nav && current) nav.scrollLeft = current.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2
}

function user({ name, username }: AccountInfo): HTMLElement {
  const label = name || username
  return h(
    'div',
    { class: 'user' },
    h('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(label)),
    h('span', { class: 'name', title: username }, label),
    h('a', { class: 'button secondary', href: '/logout' }, 'Sign out')
  )
}

function signIn(): HTMLElement {
  return h('a', { class: 'button', href: '/login' }, 'Sign in')
}

/** The start page: what the app shows, signed in or not. */
export function overview(account: AccountInfo | null): readonly HTMLElement[] {
  const cards = pages.map(({ path, title, lead, route, requires }) =>
    h(
      'li',
      { class: 'card' },
      h('h2', {}, h('a', { href: path }, title)),
      h('p', {}, lead),
      h('p', { class: 'quiet' }, h('code', {}, `GET ${route}`)),
      h('p', { class: 'quiet' }, `Requires ${requires}`)
    )
  )
  return [
    h('h1', { tabindex: '-1' }, account ? `Welcome, ${account.name || account.username}` : 'Call a protected API'),
    h(
      'p',
      { class: 'lead' },
      account
        ? 'You are signed in. Open a page to call the API, and see which calls your account may make.'
        : 'Sign in with Microsoft Entra ID, and call the API. If your account may not make a call, the page shows the reason. Open any page: you sign in, and return to it.'
    ),
    h('ul', { class: 'cards' }, cards)
  ]
}

/** A failure outside of the pages. */
export function failure(title: string, text: string): readonly HTMLElement[] {
  return [
    h('h1', { tabindex: '-1' }, title),
    h('div', { class: 'refusal', role: 'alert' }, h('p', { class: 'detail' }, text)),
    h('p', {}, h('a', { class: 'button', href: '/' }, 'Back to the overview'))
  ]
}
