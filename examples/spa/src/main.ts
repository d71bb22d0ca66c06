/** Starts the app, and shows the page that the address names. */
import { AuthError } from '@azure/msal-browser'
import { Api } from './api.js'
import { callView } from './call.js'
import { pages } from './pages.js'
import { Session } from './session.js'
import { loadSettings } from './settings.js'
import { failure, overview, showShell } from './shell.js'

const home = '/'
/** The page after a sign-in that no page required. */
const firstPage = '/protected'

async function start(): Promise<void> {
  const settings = await loadSettings()
  const session = await Session.start(settings)
  const api = new Api(settings.api.url, session)
  const open = () => route(session, api).catch(showFailure)
  window.addEventListener('popstate', () => void open())
  document.addEventListener('click', (event) => follow(event, open))
  await open()
}

/** Shows a page, or leaves for the tenant. */
async function route(session: Session, api: Api): Promise<void> {
  const path = location.pathname
  // These two, and the `state` of a sign-out, do not stay in the history: going back must not sign in or out again.
  if (path === '/login' || path === '/logout' || path === home) history.replaceState(null, '', home)
  if (path === '/login') return session.signIn(firstPage)
  if (path === '/logout') return session.signOut()
  const page = pages.find((each) => each.path === path)
  if (page && !session.account) return session.signIn(location.href)
  showShell(session.account, path)
  if (page) show(page.title, callView(page, api))
  else if (path === home) show('Overview', overview(session.account))
  else show('Page not found', failure('Page not found', 'There is no page at this address.'))
}

function show(title: string, content: readonly HTMLElement[]): void {
  document.title = `${title} · fastify-entra example`
  const main = document.getElementById('main')
  main?.replaceChildren(...content)
}

/** A link to a page of the app opens it without a request; the heading is focused, so that screen readers announce it. */
function follow(event: MouseEvent, open: () => Promise<void>): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
  if (!link || !isPlain || link.origin !== location.origin || link.hash !== '') return
  event.preventDefault()
  if (link.href !== location.href) history.pushState(null, '', link.href)
  void open().then(() => document.querySelector('h1')?.focus())
}

function showFailure(error: unknown): void {
  showShell(null, '')
  const reason = error instanceof AuthError ? `The tenant refused the sign-in (${error.errorCode}).` : String(error)
  show('Something went wrong', failure('Something went wrong', reason))
}

await start().catch(showFailure)
