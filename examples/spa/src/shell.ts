/** What is around every page: the name of the app, who is signed in, and where one can go. */
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
  document.getElementById('nav')?.replaceChildren(h('ul', {}, links))
}

function user({ name, username }: AccountInfo): HTMLElement {
  const label = name || username
  return h(
    'div',
    { class: 'user' },
    h('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(label)),
    h('span', { class: 'name' }, label),
    h('a', { class: 'button secondary', href: '/logout' }, 'Sign out')
  )
}

function signIn(): HTMLElement {
  return h('a', { class: 'button', href: '/login' }, 'Sign in')
}

/** The start page: what the app shows, signed in or not. */
export function overview(account: AccountInfo | null): readonly HTMLElement[] {
  const cards = pages.map(({ path, title, lead, route, needs }) =>
    h(
      'li',
      { class: 'card' },
      h('h2', {}, h('a', { href: path }, title)),
      h('p', {}, lead),
      h('p', { class: 'quiet' }, h('code', {}, `GET ${route}`)),
      h('p', { class: 'quiet' }, `needs ${needs}`)
    )
  )
  return [
    h(
      'h1',
      { tabindex: '-1' },
      account ? `Welcome, ${account.name || account.username}` : 'An API that knows its callers'
    ),
    h(
      'p',
      { class: 'lead' },
      account
        ? 'You are signed in. Call the API, and see what it lets you do and what not.'
        : 'Sign in with Microsoft Entra ID, call a protected API, and be refused where you should be. Open any page: you are asked to sign in, and come back to it.'
    ),
    h('ul', { class: 'cards' }, cards)
  ]
}

/** Something went wrong that no page can show. */
export function failure(text: string): readonly HTMLElement[] {
  return [
    h('h1', { tabindex: '-1' }, 'That did not work'),
    h('div', { class: 'refusal', role: 'alert' }, h('p', { class: 'detail' }, text)),
    h('p', {}, h('a', { class: 'button', href: '/' }, 'Back to the start'))
  ]
}
