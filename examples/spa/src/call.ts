/** A page that calls the API, and shows the result. */
import type { Answer, Api, Problem } from './api.js'
import { breakable, button, code, facts, h } from './dom.js'
import { missingIn } from './missing.js'
import type { Page } from './pages.js'

/** Status codes in words. */
const reasons: Readonly<Record<number, string>> = {
  0: 'No response',
  200: 'OK',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  503: 'Unavailable'
}

/** Shows a page; calls its route at once, and again whenever the user asks. */
export function callView(page: Page, api: Api): readonly HTMLElement[] {
  // Screen readers announce the outcome, or the refusal, but not the rest of a response.
  const outcome = h('p', { class: 'outcome', role: 'status' })
  const result = h('div', { class: 'result', 'aria-busy': 'true' }, outcome)
  const run = async (options: { renew?: boolean } = {}) => {
    result.setAttribute('aria-busy', 'true')
    outcome.replaceChildren(h('span', { class: 'quiet' }, 'Calling the API…'))
    result.replaceChildren(outcome)
    try {
      const answer = await api.get(page.route, options)
      outcome.replaceChildren(...outcomeOf(answer))
      result.append(...contentOf(page, answer))
    } catch {
      outcome.replaceChildren()
      result.append(refusal({ detail: 'The tenant issued no token. Sign out, and sign in again.' }))
    }
    result.setAttribute('aria-busy', 'false')
  }
  void run()
  const actions = [
    button('Call again', { class: 'button' }, () => void run()),
    button('Renew token and call', { class: 'button secondary' }, () => void run({ renew: true }))
  ]
  const line = h('p', { class: 'line' }, h('span', { class: 'method' }, 'GET'), code(page.route))
  return [
    h('h1', { tabindex: '-1' }, page.title),
    h('p', { class: 'lead' }, page.lead),
    h(
      'section',
      { class: 'card', 'aria-label': 'API call' },
      h('div', { class: 'request' }, line, h('div', { class: 'actions' }, actions)),
      h('p', { class: 'requires quiet' }, `Requires ${page.requires}`),
      result
    )
  ]
}

function outcomeOf({ status, milliseconds, problem, token: { fromCache, expiresOn } }: Answer): readonly HTMLElement[] {
  const quiet = [
    `in ${Math.round(milliseconds)} ms`,
    fromCache ? 'cached token' : 'token renewed silently',
    ...(expiresOn ? [`valid until ${expiresOn.toLocaleTimeString()}`] : [])
  ]
  return [
    h('span', { class: `status ${problem ? 'bad' : 'good'}` }, `${status || ''} ${reasons[status] ?? ''}`.trim()),
    ...quiet.map((text) => h('span', { class: 'quiet' }, text))
  ]
}

function contentOf(page: Page, { body, problem }: Answer): readonly HTMLElement[] {
  const shown = problem ? refusal(problem) : page.show(body)
  return body === null ? [shown] : [shown, json(body)]
}

/** Why the call was refused, in the words of the API. */
function refusal({ detail, code: reason, requestId }: Problem): HTMLElement {
  const { title, items } = missingIn(detail)
  return h(
    'div',
    { class: 'refusal', role: 'alert' },
    h('p', { class: 'detail' }, breakable(detail)),
    items.length > 0 && [
      h('p', { class: 'missing' }, title),
      h(
        'ul',
        {},
        items.map((item) => h('li', {}, breakable(item)))
      )
    ],
    facts([
      ['Code', reason && code(reason)],
      ['Request ID', requestId && code(requestId)]
    ])
  )
}

function json(body: unknown): HTMLElement {
  const text = h(
    'pre',
    { tabindex: '0', role: 'region', 'aria-label': 'Response as JSON' },
    JSON.stringify(body, null, 2)
  )
  return h('details', {}, h('summary', {}, 'Response as JSON'), text)
}
