/** The API as a client of Microsoft Graph: for itself, and on behalf of its users. */
import { createProxies, DownstreamError, type OnBehalfOf, type TokenForApp } from '../../plugin/index.js'
import type { GraphConfig } from '../config/config.js'
import { type Answer, exchange, inOneDeadline, maxBytes, problem, unavailable } from './graph-exchange.js'

/** A user in the directory. */
export interface DirectoryUser {
  readonly id: string
  readonly displayName: string | null
  readonly userPrincipalName: string
  readonly mail: string | null
}

/** A group of a user. */
export interface DirectoryGroup {
  readonly id: string
  readonly displayName: string | null
}

/**
 * The operations of Graph that routes use. All throw a {@link ServerProblem}: 503 without credentials or a usable response, 502 when Graph
 * refuses.
 */
export interface Graph {
  /** The first page of the directory's users, with the API's own permission. */
  listUsers(): Promise<readonly DirectoryUser[]>
  /**
   * The calling user, with the user's permission.
   *
   * @throws DownstreamError when there is no token for the user; ServerProblem 403 or 404 when Graph refuses this user
   */
  profileOf(onBehalfOf: OnBehalfOf): Promise<DirectoryUser>
  /** The first page of the calling user's groups. Throws as {@link profileOf}. */
  groupsOf(onBehalfOf: OnBehalfOf): Promise<readonly DirectoryGroup[]>
  /**
   * The resource at a path of Graph, with the API's own permission.
   *
   * @param refused the problem when Graph refuses
   */
  get(path: string, refused: Refused): Promise<Answer['body']>
  close(): Promise<void>
}

/** A refusal that only the operator can resolve. */
interface Refused {
  readonly code: string
  readonly detail: string
}

const userMembers = 'id,displayName,userPrincipalName,mail'

/** Deadline of one operation in milliseconds: tokens, and up to two exchanges, from connect to the last byte. */
const deadlineMs = 5000

/** @param tokenForApp the plugin's, from the API's own tenant */
export function createGraph(config: GraphConfig, tokenForApp: TokenForApp, milliseconds = deadlineMs): Graph {
  const proxies = createProxies({ maxResponseSize: maxBytes })
  const dispatcher = proxies.dispatcherFor(new URL(config.url))
  const getWith = async (path: string, token: string, signal: AbortSignal) =>
    exchange(dispatcher, config.url + path, token, signal)

  async function get(path: string, refused: Refused): Promise<Answer['body']> {
    refuseUnconfigured(config)
    const tryOnce = async (signal: AbortSignal, insteadOf?: string) => {
      const token = await ownToken(tokenForApp, `${config.url}/.default`, insteadOf)
      return { token, answer: await getWith(path, token, signal) }
    }
    return inOneDeadline(milliseconds, async (signal) => {
      const first = await tryOnce(signal)
      // A token may be revoked before it expires: retry once, with a new one.
      const { answer } = first.answer.status === 401 ? await tryOnce(signal, first.token) : first
      return usable(answer, refused)
    })
  }

  async function getFor(onBehalfOf: OnBehalfOf, path: string, permission: string): Promise<Answer['body']> {
    refuseUnconfigured(config)
    const scope = `${config.url}/${permission}`
    return inOneDeadline(milliseconds, async (signal) => {
      const insteadOf = await onBehalfOf(scope)
      const first = await getWith(path, insteadOf, signal)
      if (first.status !== 401) return usableForUser(first, permission)
      const token = await onBehalfOf(scope, { insteadOf, challenge: first.challenge })
      return usableForUser(await getWith(path, token, signal), permission)
    })
  }

  return {
    get,
    listUsers: async () =>
      valuesIn(await get(`/v1.0/users?$select=${userMembers}`, graphRefused('User.Read.All'))).map(toUser),
    profileOf: async (onBehalfOf) => toUser(await getFor(onBehalfOf, `/v1.0/me?$select=${userMembers}`, 'User.Read')),
    groupsOf: async (onBehalfOf) =>
      valuesIn(await getFor(onBehalfOf, '/v1.0/me/memberOf?$select=id,displayName', 'GroupMember.Read.All'))
        .filter(isGroup)
        .map(toGroup),
    close: () => proxies.destroy()
  }
}

async function ownToken(tokenForApp: TokenForApp, scope: string, insteadOf: string | undefined): Promise<string> {
  try {
    return await tokenForApp(scope, { insteadOf })
  } catch (error) {
    if (!(error instanceof DownstreamError)) throw error
    const { code, detail } = credentialsRefused
    throw error.code === 'downstream_refused' ? problem(502, code, detail, error.code) : unavailable(error.code)
  }
}

const graphRefused = (permission: string): Refused => ({
  code: 'graph_refused',
  detail: `Microsoft Graph refused this server; its operator must grant it the permission ${permission}.`
})
const credentialsRefused: Refused = {
  code: 'graph_credentials_refused',
  detail: 'The tenant refused the credentials of this server; its operator must renew them.'
}

function refuseUnconfigured({ isConfigured }: GraphConfig): void {
  if (!isConfigured) throw problem(503, 'graph_not_configured', 'This server has no credentials for Microsoft Graph.')
}

/** The body of a 200; 429 and 5xx are an outage, any other status a refusal that only the operator can resolve. */
function usable({ status, body }: Answer, refused: Refused): Answer['body'] {
  if (status === 200) return body
  const reason = `answered ${status} ${JSON.stringify(body.error ?? '').slice(0, 200)}`
  if (status === 429 || status >= 500) throw unavailable(reason)
  throw problem(502, refused.code, refused.detail, reason)
}

/** With the user's permission, a refusal is about the user; a 401 for a new token is one as well. */
function usableForUser(answer: Answer, permission: string): Answer['body'] {
  const { status } = answer
  if (status === 401 || status === 403)
    throw problem(403, 'graph_forbidden', `Microsoft Graph does not let this user use ${permission}.`, `${status}`)
  if (status === 404) throw problem(404, 'graph_not_found', 'Microsoft Graph does not know this user.')
  return usable(answer, graphRefused(permission))
}

type Member = Readonly<Record<string, unknown>>

function valuesIn({ value }: Answer['body']): readonly Member[] {
  if (!Array.isArray(value)) throw unavailable('no list in the answer')
  return value.map((each) => ({ ...each }))
}

const textOrNull = (member: unknown) => (typeof member === 'string' ? member : null)

const toUser = ({ id, displayName, userPrincipalName, mail }: Member): DirectoryUser => ({
  id: String(id),
  displayName: textOrNull(displayName),
  userPrincipalName: String(userPrincipalName),
  mail: textOrNull(mail)
})

/** `memberOf` also contains directory roles and administrative units (Microsoft Graph: "List a user's direct memberships"). */
const isGroup = (member: Member) => member['@odata.type'] === '#microsoft.graph.group'

const toGroup = ({ id, displayName }: Member): DirectoryGroup => ({
  id: String(id),
  displayName: textOrNull(displayName)
})
