import type { FastifyInstance } from 'fastify'
import type { TenantState } from '../authority/state.js'
import type { User } from '../directory/directory.js'
import { GraphError, permitted, userFor } from './graph-access.js'

interface Request {
  readonly Params: { readonly key?: string }
  readonly Querystring: { readonly $top?: number; readonly $skiptoken?: number }
}

const PAGE = 100
const MAX_TOP = 999
const MAX_GROUP_IDS = 20

const page = {
  type: 'object',
  properties: {
    $top: { type: 'integer', minimum: 1, maximum: MAX_TOP },
    $skiptoken: { type: 'integer', minimum: 0 }
  }
}
const memberObjects = {
  type: 'object',
  required: ['securityEnabledOnly'],
  properties: { securityEnabledOnly: { type: 'boolean' } }
}
const memberGroups = {
  type: 'object',
  required: ['groupIds'],
  properties: { groupIds: { type: 'array', maxItems: MAX_GROUP_IDS, items: { type: 'string' } } }
}

/** Group memberships (Microsoft Graph REST API v1.0: "List memberOf", "getMemberObjects", "checkMemberGroups"). */
export function groupRoutes(app: FastifyInstance, state: TenantState): void {
  for (const user of ['/me', '/users/:key']) {
    for (const list of ['memberOf', 'transitiveMemberOf']) {
      const path = `${user}/${list}`
      app.get<Request>(`/v1.0${path}`, { schema: { querystring: page } }, async ({ headers, params, query }) =>
        memberOf(
          await readable(headers.authorization, state, params.key),
          query,
          state,
          path.replace(':key', String(params.key))
        )
      )
    }

    app.post<Request>(
      `/v1.0${user}/getMemberObjects`,
      { schema: { body: memberObjects } },
      async ({ headers, params }) => {
        const { groups } = await readable(headers.authorization, state, params.key)
        if (groups.length <= state.memberObjectsLimit) return ids(state, groups)
        const message = 'The size of the result set exceeds the maximum allowed limit.'
        throw new GraphError(400, 'Directory_ResultSizeLimitExceeded', message)
      }
    )

    app.post<Request & { Body: { groupIds: string[] } }>(
      `/v1.0${user}/checkMemberGroups`,
      { schema: { body: memberGroups } },
      async ({ headers, params, body }) => {
        const { groups } = await readable(headers.authorization, state, params.key)
        return ids(
          state,
          body.groupIds.filter((id) => groups.includes(id.toLowerCase()))
        )
      }
    )
  }
}

/** The user whose groups a caller may read: with User.Read, only the caller. */
async function readable(authorization: string | undefined, state: TenantState, key: string | undefined): Promise<User> {
  const ofAnybody = ['GroupMember.Read.All', 'Directory.Read.All']
  const claims = await permitted(authorization, state, ['User.Read', ...ofAnybody])
  const user = userFor(claims, key)
  if (user.oid !== claims.oid) await permitted(authorization, state, ofAnybody)
  return user
}

function ids({ origin }: TenantState, value: readonly string[]) {
  return { '@odata.context': `${origin}/v1.0/$metadata#Collection(Edm.String)`, value }
}

/** A page of groups, with the link to the next one. */
function memberOf(
  { groups }: User,
  { $top = PAGE, $skiptoken = 0 }: Request['Querystring'],
  { origin }: TenantState,
  path: string
) {
  const next = $skiptoken + $top
  return {
    '@odata.context': `${origin}/v1.0/$metadata#directoryObjects`,
    ...(next < groups.length && { '@odata.nextLink': `${origin}/v1.0${path}?$top=${$top}&$skiptoken=${next}` }),
    value: groups.slice($skiptoken, next).map((id) => ({
      '@odata.type': '#microsoft.graph.group',
      id,
      displayName: `Group ${Number(id.slice(-12))}`,
      securityEnabled: true
    }))
  }
}
