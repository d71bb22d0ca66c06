/** The API as a client of Microsoft Graph, with its own credentials (client credentials grant, RFC 6749 §4.4). */
import { request } from 'undici'
import type { GraphConfig } from './config.js'
import { ServerProblem } from './problems.js'

/** A user as Graph's directory shows one. */
export interface DirectoryUser {
  readonly id: string
  readonly displayName: string | null
  readonly userPrincipalName: string
  readonly mail: string | null
}

/** What the routes ask of Graph. */
export interface Graph {
  /**
   * The first page of the directory's users.
   *
   * @throws ServerProblem 503 without credentials or answer, 502 when Graph refuses
   */
  listUsers(): Promise<readonly DirectoryUser[]>
}

interface AccessToken {
  readonly value: string
  readonly expiresAt: number
}

/** One exchange, from connect to the last byte. */
const deadlineMs = 5000
/** A token is not used in the last minute of its life. */
const leewayMs = 60_000

/** @param tokenEndpoint the tenant's, once its discovery document is known */
export function createGraph(config: GraphConfig, tokenEndpoint: () => string | undefined): Graph {
  let token: Promise<AccessToken> | undefined

  async function accessToken(clientSecret: string): Promise<string> {
    const current = await token?.catch(() => undefined)
    if (current && current.expiresAt > Date.now()) return current.value
    token = fetchToken(config, clientSecret, tokenEndpoint())
    return (await token).value
  }

  return {
    async listUsers() {
      if (!config.clientSecret) {
        throw new ServerProblem(503, 'graph_not_configured', 'This server has no credentials for Microsoft Graph.')
      }
      const authorization = `Bearer ${await accessToken(config.clientSecret)}`
      const query = '$select=id,displayName,userPrincipalName,mail'
      const page = await exchange(`${config.url}/v1.0/users?${query}`, { headers: { authorization } })
      return (page as { value: DirectoryUser[] }).value
    }
  }
}

async function fetchToken(
  { url, clientId }: GraphConfig,
  clientSecret: string,
  endpoint?: string
): Promise<AccessToken> {
  if (!endpoint) throw unavailable('the token endpoint is not known yet')
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: `${url}/.default`
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await exchange(endpoint, { method: 'POST', headers, body: body.toString() })
  const { access_token, expires_in } = answer as { access_token: string; expires_in: number }
  return { value: access_token, expiresAt: Date.now() + expires_in * 1000 - leewayMs }
}

async function exchange(url: string, options: NonNullable<Parameters<typeof request>[1]>): Promise<unknown> {
  const answer = await request(url, { ...options, signal: AbortSignal.timeout(deadlineMs) })
    .then(async ({ statusCode, body }) => ({ statusCode, text: await body.text() }))
    .catch((error: Error) => {
      throw unavailable(error.message)
    })
  if (answer.statusCode >= 500) throw unavailable(`answered ${answer.statusCode}`)
  if (answer.statusCode !== 200) {
    const detail = 'Microsoft Graph refused this server; its operator must grant it the permission User.Read.All.'
    throw Object.assign(new ServerProblem(502, 'graph_refused', detail), { cause: `answered ${answer.statusCode}` })
  }
  return JSON.parse(answer.text)
}

function unavailable(cause: string): ServerProblem {
  const problem = new ServerProblem(503, 'graph_unavailable', 'Microsoft Graph cannot be reached. Try again later.')
  return Object.assign(problem, { cause })
}
