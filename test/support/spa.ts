/** The single-page app beside the embedded tenant and the API, as `npm run dev` starts them, and a user in Chromium. */
import type { Page, Request, Response } from 'playwright-core'
import type { Test } from 'tap'
import { startSpa } from '../../src/server/dev-spa.js'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant, type Tenant, type TenantOptions } from '../../src/tenant/index.js'
import { startServer } from './server.js'

export interface Story {
  readonly tenant: Tenant
  /** Origins of the app and of the API. */
  readonly app: string
  readonly api: string
  closeApi(): Promise<void>
}

/** Starts all three, on ports of their own; they end with the test. */
export async function startStory(t: Test, options: TenantOptions = {}): Promise<Story> {
  const tenant = await startTenant({ port: 0, ...options })
  t.teardown(() => tenant.close())
  const spa = await startSpa(0)
  t.teardown(() => spa.close())
  const server = await startServer(t, { ...environmentFor(tenant), CORS_ORIGINS: spa.origin })
  await spa.connect(tenant, server.listeningOrigin)
  return { tenant, app: spa.origin, api: server.listeningOrigin, closeApi: async () => void (await server.close()) }
}

/** Picks an account on the tenant's page. */
export async function pick(page: Page, username: string): Promise<void> {
  await page.locator(`button[value="${username}"]`).click()
}

/** Waits until the page's call has an answer. */
export async function answered(page: Page): Promise<void> {
  await page.locator('.result[aria-busy="false"]').waitFor()
}

/** Opens a page of the app that asks for a sign-in, and signs in. */
export async function signIn(page: Page, url: string, username = 'user@contoso.example'): Promise<void> {
  await page.goto(url)
  await pick(page, username)
  await answered(page)
}

/** Requests of a page so far, and all that it could have told somebody. */
export function watch(page: Page, { tenant, api }: Story) {
  const requests: Request[] = []
  const told: string[] = []
  const answers: Promise<Record<string, unknown>>[] = []
  const context = page.context()
  context.on('request', (request) => {
    requests.push(request)
    told.push(request.url(), request.headers().referer ?? '')
  })
  context.on('console', (message) => told.push(message.text()))
  context.on('response', (response) => {
    if (isGrant(response, tenant)) answers.push(response.json())
  })
  return {
    /** Grants that were asked for at the tenant, by type. */
    grants: () =>
      requests
        .filter((request) => isTokenRequest(request, tenant))
        .map((request) => new URLSearchParams(request.postData() ?? '').get('grant_type')),
    /** Tokens that calls of the API carried. */
    sent: () =>
      requests
        .filter((request) => request.url().startsWith(api) && request.method() === 'GET')
        .map((request) => request.headers().authorization?.replace(/^Bearer /, '') ?? ''),
    /** Every token that the tenant gave, in the pieces that are its own (a header is the same for all). */
    async secrets(): Promise<readonly string[]> {
      const tokens = (await Promise.all(answers)).flatMap((answer) =>
        ['access_token', 'id_token', 'refresh_token'].flatMap((name) => (answer[name] ? [String(answer[name])] : []))
      )
      return tokens.flatMap((token) => (token.includes('.') ? token.split('.').slice(1) : [token]))
    },
    /** Addresses, the console, and what is in the storage that all tabs share. */
    async told(): Promise<string> {
      const { origins } = await context.storageState()
      return [...told, JSON.stringify(origins.flatMap(({ localStorage }) => localStorage))].join('\n')
    }
  }
}

const isTokenRequest = (request: Request, { origin }: Tenant) =>
  request.method() === 'POST' && request.url().startsWith(origin) && new URL(request.url()).pathname.endsWith('/token')

const isGrant = (response: Response, tenant: Tenant) => response.ok() && isTokenRequest(response.request(), tenant)
