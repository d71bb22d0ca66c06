/** The tokens of a test tenant: of the callers that guards tell apart, and those that every API must refuse. */
import { randomUUID } from 'node:crypto'
import type { CompleteUser, TestApp, TestUser, TokenClaims } from './callers.js'
import { now } from './callers.js'
import type { Shape } from './shapes/shape.js'

/** The headers of a request, with a token. No interface, so that `inject` and `fetch` take it (TypeScript: "Implicit index signature"). */
export type TestHeaders = Readonly<Record<'authorization', string>>

/** What makes tokens. Each method returns at once, and each call makes a new token. */
export interface TestTokens {
  /** A user: a member with the scope `access_as_user`, unless the call says otherwise. */
  user(user?: TestUser): TestHeaders
  /** A guest of the directory. */
  guest(user?: TestUser): TestHeaders
  /** An app that calls for itself, with these application permissions. */
  app(permissions?: readonly string[], app?: TestApp): TestHeaders
  /** A user's token that expired a day ago: 401 `token_expired`. */
  expired(user?: TestUser): TestHeaders
  /** A user's token that is valid from tomorrow: 401 `token_not_yet_valid`. */
  notYetValid(user?: TestUser): TestHeaders
  /** A user's token for another API, which for Entra is Microsoft Graph: 401 `wrong_audience`. */
  forOtherApi(user?: TestUser): TestHeaders
  /** An ID token of the user, which some clients send by mistake: 401 `not_an_access_token`. */
  idToken(user?: TestUser): TestHeaders
  /** A user who signed in with this authentication context, such as `c1`. */
  stepUp(authContext: string, user?: TestUser): TestHeaders
  /** A user in more groups than fit into a token: none are in it (groups overage). */
  manyGroups(user?: TestUser): TestHeaders
  /** A user for whom an AI agent calls. The agent is the client. */
  agent(user?: TestUser): TestHeaders
  /** An AI agent that calls by a user account of its own, which is this user. */
  agentUser(user?: TestUser): TestHeaders
  /** An AI agent that calls for itself, by its agent identity, with these application permissions. */
  agentApp(permissions?: readonly string[], app?: TestApp): TestHeaders
  /** Any other token: a user's, with these claims and parameters of the header in addition or in place; `undefined` leaves one out. */
  token(claims?: TokenClaims, header?: TokenClaims): string
}

/** Seconds: more than any tolerance for clock skew. */
const day = 86_400

/** Signs claims, with the parameters of the shape's access tokens or with these. */
type Sign = (claims: TokenClaims, header?: TokenClaims) => string

/** @param callerId the client of the tokens, unless a call names another */
export function createTokens(shape: Shape, callerId: string, sign: Sign): TestTokens {
  const [userId, appId] = [randomUUID(), randomUUID()]
  const complete = (user: TestUser, more: TokenClaims = {}): CompleteUser => ({
    ...{ id: userId, name: 'Test User', email: 'user@tenant.example', clientId: callerId },
    ...{ scopes: ['access_as_user'], roles: [], groups: [], ...user },
    claims: { ...more, ...user.claims }
  })
  const headers = (token: string): TestHeaders => ({ authorization: `Bearer ${token}` })
  const user = (given: TestUser = {}, more?: TokenClaims) => headers(sign(shape.user(complete(given, more))))
  /** What only some shapes have. */
  const some = (name: string, claims: TokenClaims | undefined) => {
    if (claims) return claims
    throw new Error(`only tokens of Entra show what ${name}() is about; create the tenant with the shape v2 or v1`)
  }
  const app = (permissions: readonly string[] = [], given: TestApp = {}, more: TokenClaims = {}) => {
    const { id = appId, clientId = callerId, claims } = given
    return headers(sign(shape.app({ id, clientId, claims: { ...more, ...claims }, permissions })))
  }
  return {
    user: (given) => user(given),
    guest: (given) => user(given, some('guest', shape.guest)),
    app: (permissions, given) => app(permissions, given),
    expired: (given) => user(given, { iat: now() - 2 * day, nbf: now() - 2 * day, exp: now() - day }),
    notYetValid: (given) => user(given, { nbf: now() + day, exp: now() + 2 * day }),
    forOtherApi: (given) => user(given, { aud: shape.otherAudience }),
    idToken: (given = {}) => headers(sign(shape.idToken(complete(given)), { typ: 'JWT' })),
    stepUp: (authContext, given) => user(given, shape.stepUp(authContext)),
    manyGroups: (given) => user(given, some('manyGroups', shape.manyGroups)),
    agent: (given) => user(given, some('agent', shape.agents?.user)),
    agentUser: (given) => user(given, some('agentUser', shape.agents?.ownUser)),
    agentApp: (permissions, given) => app(permissions, given, some('agentApp', shape.agents?.app)),
    token: (claims = {}, header = {}) => sign(shape.user(complete({ claims })), { ...shape.header, ...header })
  }
}
