/** The API as a client of Microsoft Graph, with its own credentials (client credentials grant, RFC 6749 §4.4). */
import { EnvHttpProxyAgent, request } from 'undici'
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
   * @throws ServerProblem 503 without credentials or a usable answer, 502 when Graph or the tenant refuses this server
   */
  listUsers(): Promise<readonly DirectoryUser[]>
  /**
   * What is at a path of Graph.
   *
   * @param refused what to say when Graph refuses it
   * @throws ServerProblem as {@link Graph.listUsers}
   */
  get(path: string, refused: Refused): Promise<Answer['body']>
  close(): Promise<void>
}

interface AccessToken {
  readonly value: string
  readonly expiresAt: number
}

/** A refusal that only the operator can mend. */
interface Refused {
  readonly code: string
  readonly detail: string
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** One exchange, from connect to the last byte. */
const deadlineMs = 5000
const maxBytes = 1024 * 1024
/** A token is not used in the last minute of its life. */
const leewayMs = 60_000

/** @param tokenEndpoint the tenant's, once its discovery document is known */
export function createGraph(config: GraphConfig, tokenEndpoint: () => string | undefined): Graph {
  const dispatcher = new EnvHttpProxyAgent({ maxResponseSize: maxBytes })
  const exchange = createExchange(dispatcher)
  let token: Promise<AccessToken> | undefined

  /** One token request at a time, shared by all who found the last token unusable; one that failed is forgotten. */
  async function accessToken(clientSecret: string, refused?: string): Promise<string> {
    const last = token
    const current = await last?.catch(() => undefined)
    if (current && current.expiresAt > Date.now() && current.value !== refused) return current.value
    const shared = token === last || !token ? fetchToken(exchange, config, clientSecret, tokenEndpoint()) : token
    token = shared
    return (await shared).value
  }

  async function get(path: string, refused: Refused): Promise<Answer['body']> {
    const { clientSecret } = config
    if (!clientSecret) throw problem(503, 'graph_not_configured', 'This server has no credentials for Microsoft Graph.')
    const tryOnce = async (lastToken?: string) => {
      const value = await accessToken(clientSecret, lastToken)
      return { value, answer: await exchange(config.url + path, { headers: { authorization: `Bearer ${value}` } }) }
    }
    const first = await tryOnce()
    // A token may be revoked before it expires: one more try, with a new one.
    const { answer } = first.answer.status === 401 ? await tryOnce(first.value) : first
    return usable(answer, refused)
  }

  return {
    get,
    listUsers: async () =>
      toUsers(await get('/v1.0/users?$select=id,displayName,userPrincipalName,mail', graphRefused)),
    close: () => dispatcher.destroy()
  }
}

type Exchange = ReturnType<typeof createExchange>

function createExchange(dispatcher: EnvHttpProxyAgent) {
  return async (url: string, options: Parameters<typeof request>[1]): Promise<Answer> => {
    try {
      const signal = AbortSignal.timeout(deadlineMs)
      const { statusCode, body } = await request(url, { ...options, dispatcher, signal })
      const parsed: unknown = JSON.parse(await body.text())
      if (typeof parsed === 'object' && parsed !== null) return { status: statusCode, body: { ...parsed } }
      throw new Error('answered with no JSON object')
    } catch (error) {
      throw unavailable(String(error))
    }
  }
}

async function fetchToken(
  exchange: Exchange,
  config: GraphConfig,
  secret: string,
  endpoint?: string
): Promise<AccessToken> {
  if (!endpoint) throw unavailable('the token endpoint is not known yet')
  const form = { grant_type: 'client_credentials', client_id: config.clientId, client_secret: secret }
  const answer = await exchange(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...form, scope: `${config.url}/.default` }).toString()
  })
  const { access_token, expires_in } = usable(answer, credentialsRefused)
  if (typeof access_token !== 'string' || typeof expires_in !== 'number') throw unavailable('no token in the answer')
  return { value: access_token, expiresAt: Date.now() + expires_in * 1000 - leewayMs }
}

const graphRefused: Refused = {
  code: 'graph_refused',
  detail: 'Microsoft Graph refused this server; its operator must grant it the permission User.Read.All.'
}
const credentialsRefused: Refused = {
  code: 'graph_credentials_refused',
  detail: 'The tenant refused the credentials of this server; its operator must renew them.'
}

/** The body of a 200; 429 and 5xx are an outage, the rest a refusal that only the operator can mend. */
function usable({ status, body }: Answer, refused: Refused): Answer['body'] {
  if (status === 200) return body
  const reason = `answered ${status} ${JSON.stringify(body.error ?? '').slice(0, 200)}`
  if (status === 429 || status >= 500) throw unavailable(reason)
  throw problem(502, refused.code, refused.detail, reason)
}

function toUsers({ value }: Answer['body']): readonly DirectoryUser[] {
  if (!Array.isArray(value)) throw unavailable('no users in the answer')
  const text = (member: unknown) => (typeof member === 'string' ? member : null)
  return value.map((user: Partial<DirectoryUser>) => ({
    id: String(user?.id),
    displayName: text(user?.displayName),
    userPrincipalName: String(user?.userPrincipalName),
    mail: text(user?.mail)
  }))
}

function unavailable(cause: string): ServerProblem {
  return problem(503, 'graph_unavailable', 'Microsoft Graph cannot be reached. Try again later.', cause)
}

function problem(status: 502 | 503, code: string, detail: string, cause?: string): ServerProblem {
  return Object.assign(new ServerProblem(status, code, detail), { cause })
}
