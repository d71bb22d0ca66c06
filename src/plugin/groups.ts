/** Groups of users who are in more than fit into a token: looked up, shared, and remembered for as long as the token lives. */
import { Answers } from './answers.js'
import type { GroupsOf } from './decision.js'
import type { Clock, UserPrincipal } from './types.js'

/**
 * Looks up all groups of a user, by their object IDs, such as with `POST /users/{oid}/getMemberObjects` of Microsoft Graph. Called where a
 * guard asks for a group and the token says that there are more than it holds. What it throws, or takes longer for than
 * `keysTimeoutSeconds`, is a 503 for that route.
 */
export type GroupsResolver = (principal: UserPrincipal) => Promise<readonly string[]>

/** Makes what guards ask. One token's answer (`tid`, `oid`, `uti`) is never another's. */
export function createGroupsOf(resolve: GroupsResolver, timeoutSeconds: number, clock: Clock): GroupsOf {
  const answers = new Answers<readonly string[]>('groups', timeoutSeconds, clock)
  return async (principal) => {
    const { tenantId, id, claims } = principal
    const about = JSON.stringify([tenantId, id, claims.uti ?? claims.jti, claims.iat, claims.exp])
    const seconds = Math.max(1, Number(claims.exp) - Date.now() / 1000) // within the tolerance it is past
    const { value } = await answers.get(about, seconds, async () => listOf(await resolve(principal)))
    return value
  }
}

/** A resolver that answers something else is one that failed: an empty list would be a no. */
function listOf(groups: unknown): readonly string[] {
  if (Array.isArray(groups) && groups.every((each) => typeof each === 'string')) return Object.freeze([...groups])
  throw new Error('the option "groups" gave no list of group IDs')
}
