/** The test tenant's token endpoint, and an app over HTTP that asks it: what it answers can be replaced, and what it was sent is kept. */
import type { IncomingMessage, RequestListener } from 'node:http'
import type { Test } from 'tap'
import entra, { type EntraOptions } from '../../src/plugin/index.js'
import { get, listen, makeApp } from './http.js'
import { clientId, startTestTenant, type TestTenant, tenantId } from './tenant.js'

export const tokenPath = `/${tenantId}/oauth2/v2.0/token`
export const secret = 'the-secret-of-this-api'

export interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  /** An object is sent as JSON, a text as it is. */
  readonly body?: unknown
}

/** Answers a form; `undefined`: not at all. */
export type Granter = (form: URLSearchParams, count: number) => Reply | undefined

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}

/** Sends what a function makes of the body, and of how often it was asked. */
export function replying(reply: (body: string, request: IncomingMessage) => Reply | undefined): RequestListener {
  return (request, response) => {
    void bodyOf(request).then((text) => {
      const answer = reply(text, request)
      if (!answer) return
      const { status = 200, headers, body } = answer
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  }
}

/** A token, as Entra answers it. */
export const granted = (token: string, expiresIn = 3600): Reply => ({
  body: { token_type: 'Bearer', access_token: token, expires_in: expiresIn, ext_expires_in: expiresIn }
})

/** A refusal, as Entra answers it. */
export const refused = (error: string, code: number, more: object = {}): Reply => ({
  status: 400,
  body: { error, error_description: `AADSTS${code}: somebody@contoso.example did`, error_codes: [code], ...more }
})

/** Puts a token endpoint into a tenant. */
export function serveTokens(tenant: TestTenant, first: Granter) {
  const forms: URLSearchParams[] = []
  const endpoint = { forms, grant: first }
  const listener = replying((body) => {
    forms.push(new URLSearchParams(body))
    return endpoint.grant(new URLSearchParams(body), forms.length)
  })
  tenant.answers.set(tokenPath, listener)
  return endpoint
}

/** An API with a credential at its tenant. Routes: `/downstream` answers the token that it got. */
export async function startDownstream(t: Test, grant: Granter, options: object = {}) {
  const tenant = await startTestTenant(t)
  const endpoint = serveTokens(tenant, grant)
  const made = makeApp(t)
  const given = { tenantId, clientId, authority: tenant.origin, downstream: { clientSecret: secret }, ...options }
  await made.app.register(entra, given as EntraOptions)
  made.app.get('/downstream', async (request) => request.onBehalfOf(['api://other/Read', 'api://other/Also']))
  const ask = (token?: string, path = '/downstream') => get(made.app.listeningOrigin + path, token)
  const start = async () => ({ ...(await listen(made)), ask, tenant, endpoint })
  return { ...made, tenant, endpoint, ask, start }
}
