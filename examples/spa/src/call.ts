/** A page that calls the API, and shows what came of it. */
import type { Answer, Api, Problem } from './api.js'
import { button, facts, h } from './dom.js'
import type { Page } from './pages.js'

/** What a status means to who sees it. */
const reasons: Readonly<Record<number, string>> = {
  0: 'No answer',
  200: 'OK',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  503: 'Unavailable'
}

/** Shows a page; calls its route at once, and again whenever the user asks. */
export function callView(page: Page, api: Api): readonly HTMLElement[] {
  const result = h('div', { class: 'result', 'aria-live': 'polite', 'aria-busy': 'true' })
  const run = async (options: { renew?: boolean } = {}) => {
    result.setAttribute('aria-busy', 'true')
    result.replaceChildren(h('p', { class: 'quiet' }, 'Calling the API…'))
    const content = await api.get(page.route, options).then(
      (answer) => answerView(page, answer),
      () => [refusal({ detail: 'The tenant gave no token. Sign out, and sign in again.' })]
    )
    result.replaceChildren(...content)
    result.setAttribute('aria-busy', 'false')
  }
  void run()
  return [
    h('h1', { tabindex: '-1' }, page.title),
    h('p', { class: 'lead' }, page.lead),
    h(
      'section',
      { class: 'card', 'aria-label': 'Call of the API' },
      h(
        'div',
        { class: 'request' },
        h('p', { class: 'line' }, h('span', { class: 'method' }, 'GET'), h('code', {}, page.route)),
        h(
          'div',
          { class: 'actions' },
          button('Call again', { class: 'button' }, () => void run()),
          button('Renew token and call', { class: 'button secondary' }, () => void run({ renew: true }))
        )
      ),
      h('p', { class: 'needs quiet' }, `Needs ${page.needs}`),
      result
    )
  ]
}

function answerView(page: Page, { status, milliseconds, body, problem, token }: Answer): readonly HTMLElement[] {
  const { fromCache, expiresOn } = token
  const outcome = h(
    'p',
    { class: 'outcome' },
    h('span', { class: `status ${problem ? 'bad' : 'good'}` }, `${status || ''} ${reasons[status] ?? ''}`.trim()),
    h('span', { class: 'quiet' }, `in ${Math.round(milliseconds)} ms`),
    h('span', { class: 'quiet token' }, fromCache ? 'token of this tab' : 'token renewed silently'),
    expiresOn && h('span', { class: 'quiet' }, `valid until ${expiresOn.toLocaleTimeString()}`)
  )
  return [outcome, problem ? refusal(problem) : page.show(body), ...(body === null ? [] : [json(body)])]
}

/** Why the call was refused, in the words of the API. */
function refusal({ detail, code, requestId }: Problem): HTMLElement {
  return h(
    'div',
    { class: 'refusal', role: 'alert' },
    h('p', { class: 'detail' }, detail),
    facts([
      ['Code', code && h('code', {}, code)],
      ['Request', requestId && h('code', {}, requestId)]
    ])
  )
}

function json(body: unknown): HTMLElement {
  const text = h(
    'pre',
    { tabindex: '0', role: 'region', 'aria-label': 'Answer as JSON' },
    JSON.stringify(body, null, 2)
  )
  return h('details', {}, h('summary', {}, 'Answer as JSON'), text)
}
