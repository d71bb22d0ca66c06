/** Stage 4 for any OpenID provider other than Entra: the checks of its tokens. Pure. */
import { actorsOf, maxActors } from '../claims/actors.js'
import { audienceRefusal } from '../claims/audience.js'
import { isOtherToken } from '../claims/other-tokens.js'
import type { Claims } from '../claims/principal.js'
import { asText, missingClaimRefusal } from '../claims/read.js'
import { clientCheck, unboundCheck } from '../issuers/common-checks.js'
import type { Check, SignedToken } from '../issuers/token-rules.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import { clientIdOf, type OidcRules, subjectOf } from './principal.js'
import { isIdTokenOfUaa, type Provider } from './provider.js'

/** The checks that a signed token must pass to be an access token for this API, in this order. `iss` selected the rules. */
export function oidcChecks(rules: OidcRules): readonly Check[] {
  const { audiences, provider, allowedClients } = rules
  return [
    ...(rules.rfc9068 ? [rfc9068Check] : []),
    {
      id: 'oidc.access_token',
      source: 'RFC 9068 §2.1; OpenID Connect Core §2',
      expected: 'a mark of access tokens: a scope, a client_id, the typ at+jwt, or one that the provider documents',
      found: ({ header: { typ }, claims }) => ({ typ, claims: Object.keys(claims) }),
      refuse: (token) =>
        !isAccessToken(token, provider) && !provider.isForApis?.(token.claims)
          ? refusal('not_an_access_token')
          : undefined
    },
    unboundCheck,
    {
      id: 'oidc.subject',
      source: 'RFC 9068 §2.2',
      expected: 'a sub; without one, a client_id and no claim about a person',
      found: ({ claims: { sub, client_id } }) => ({ sub, client_id }),
      refuse: ({ claims }) => (subjectOf(claims, provider) === undefined ? lacksSubject : undefined)
    },
    {
      id: 'oidc.caller',
      source: 'RFC 9068 §2.2',
      expected: 'no claim about a person where the token says that its client obtained it for itself',
      found: ({ claims }) => provider.contradiction?.(claims),
      refuse: ({ claims }) => {
        const claim = provider.contradiction?.(claims)
        return claim === undefined ? undefined : contradictoryCaller(claim)
      }
    },
    actorCheck,
    {
      id: 'oidc.aud',
      source: 'RFC 7519 §4.1.3',
      expected: audiences.join(' or '),
      found: ({ claims }) => audienceIn(claims, provider),
      refuse: ({ claims }) => {
        const aud = audienceIn(claims, provider)
        return aud === undefined
          ? lacksAudience
          : audienceRefusal(aud, audiences, (value) => audiences.includes(value), accountDetail)
      }
    },
    clientCheck(allowedClients, (claims) => clientIdOf(claims, provider))
  ]
}

const rfc9068Check: Check = {
  id: 'oidc.rfc9068',
  source: 'RFC 9068 §2.2, §4',
  expected: 'the typ at+jwt, and aud, sub, client_id, iat and jti',
  found: ({ header: { typ }, claims }) => ({ typ, claims: Object.keys(claims) }),
  refuse: (token) => profileRefusal(token)
}

/** A token that says that somebody acts for its subject, and not who, is not taken for one that the subject sent itself. */
const actorCheck: Check = {
  id: 'oidc.act',
  source: 'RFC 8693 §4.1',
  expected: `no act; or an object with the sub of the actor, an iss that is a text where there is one, and prior actors within it in the same form, ${maxActors} in all`,
  found: ({ claims }) => claims.act,
  refuse: ({ claims }) => (actorsOf(claims) ? undefined : unreadableActor)
}

const unreadableActor = refusal('invalid_claim', {
  detail: `The "act" of the token does not show who acts for its subject: each actor must be an object with a "sub", and there may be ${maxActors} of them.`
})

/** Keycloak, "Server Administration Guide", audience support: without a mapper `aud` has the clients whose roles the user holds, often `account` alone. */
const accountDetail = (aud: unknown, mismatch: string): string | undefined =>
  [aud].flat().includes('account')
    ? `${mismatch} "account" is Keycloak's own account console: add an audience mapper for this API to a client scope of the client.`
    : undefined

const audienceIn = (claims: Claims, provider: Provider) =>
  Object.hasOwn(claims, 'aud') ? claims.aud : provider.audienceOf?.(claims)

const lacksSubject = refusal('missing_claim', {
  detail: 'The token names neither a subject (sub) nor, without one, a client (client_id).'
})
const contradictoryCaller = (claim: string) =>
  refusal('invalid_claim', {
    detail: `The token says that a client obtained it for itself, and has the claim "${claim}", which is about a person: it does not show whether a user or an app calls.`
  })
const lacksAudience = refusal('missing_claim', { detail: 'The token lacks the claim "aud".' })

/** RFC 9068 §2.2, §4: the type is explicit, and these claims are present. */
function profileRefusal({ header, claims }: SignedToken): Refusal | undefined {
  if (!accessTokenType.test(asText(header.typ))) return refusal('wrong_token_type')
  const { azp = claims.client_id, client_id } = claims
  const incomplete = missingClaimRefusal(claims, ['aud', 'sub', 'client_id', 'iat', 'jti'])
  if (incomplete || azp === client_id) return incomplete
  return refusal('invalid_claim', { detail: 'The "azp" and the "client_id" of the token name different clients.' })
}

/** Claims that ID tokens do not have: the grant, or the client (RFC 9068 §2.2, RFC 8693 §4.2, §4.3). */
const grants = ['scope', 'scp', 'client_id'] as const
const accessTokenType = /^(application\/)?at\+jwt$/i

/**
 * An ID token may have the API as its `aud`, and `JWT` as its `typ`. So a token must have a mark of access tokens. A token that identifies
 * itself as another kind, as Keycloak's (`typ`), Cognito's (`token_use`) and UAA's (`scope`) do, is refused for any issuer.
 */
function isAccessToken({ header, claims }: SignedToken, provider: Provider): boolean {
  const { token_use, typ } = claims
  const saysSo = provider.isAccessToken?.(claims) === true
  if (isOtherToken(claims, saysSo && provider.mayHaveNonce)) return false
  if (provider.isOther?.(claims) || isIdTokenOfUaa(claims)) return false
  const saysOther = (token_use !== undefined && token_use !== 'access') || (typ !== undefined && typ !== 'Bearer')
  if (saysOther) return false
  const isThere = (name: string) => Object.hasOwn(claims, name)
  const granted = grants.some(isThere) || provider.grants?.some(isThere) === true
  return saysSo || granted || accessTokenType.test(asText(header.typ))
}
