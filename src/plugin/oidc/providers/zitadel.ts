/** Zitadel. */
import type { Claims } from '../../claims/principal.js'
import { text } from '../../claims/read.js'
import { isOwnSubject, type Provider } from '../provider.js'

/**
 * Zitadel, "Claims": roles are the members of an object, which names the organizations that granted each. Only those of the API's own project count,
 * whose ID is the audience: `urn:zitadel:iam:org:project:roles` has those of the project of the client.
 */
export const zitadel: Provider = {
  roles: () => [],
  rolesOf: (claims, audiences) => [
    ...new Set(audiences.flatMap((project) => rolesIn(claims[`urn:zitadel:iam:org:project:${project}:roles`])))
  ],
  groups: [],
  // A service user's token looks like a user's, whose `sub` is no client ID: both are numbers that Zitadel gives.
  isApp: (claims) => text(claims.sub) !== undefined && isOwnSubject(claims),
  isAccessToken: ({ jti }) => text(jti) !== undefined,
  isOther: isIdToken
}

/** One object, or a list of objects, as the page shows it: the names of roles that at least one organization granted. */
function rolesIn(claim: unknown): string[] {
  return [claim].flat().flatMap((each) => Object.entries(membersOf(each)).flatMap(namesOf))
}

const namesOf = ([role, granted]: [string, unknown]) => (Object.keys(membersOf(granted)).length > 0 ? [role] : [])

const membersOf = (value: unknown): object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}

/** ID tokens have the project as an audience as well, and these claims, which no access token has ("Claims", the table). */
function isIdToken(claims: Claims): boolean {
  return ['acr', 'amr', 'auth_time'].some((name) => Object.hasOwn(claims, name))
}
