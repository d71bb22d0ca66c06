import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import { claimsRequest } from '../tokens/claims-request.js'
import { Refused } from '../tokens/refusals.js'

// A sign-in satisfies any requested context, as anyone may sign in as any user here. It is stored as `amr` of the session, and from there
// of codes and refresh tokens.

/** A user who has not satisfied the request signs in again; with `prompt=none` the request is refused. */
export const provesAuthContexts = new interactionPolicy.Check(
  'auth_context',
  'AADSTS50076: The user must sign in again to satisfy the claims parameter.',
  'interaction_required',
  ({ oidc }) => lacking(oidc.session?.amr, oidc.params?.claims).length > 0
)

/** The contexts that a user has satisfied in a sign-in for a request, and before in the same session. */
export function proved(before: readonly string[] | undefined, claims: unknown): string[] {
  const all = new Set(before)
  for (const context of claimsRequest(claims).authContexts) all.add(context)
  return [...all]
}

/** A token's claims about its sign-in and its client. */
export interface Proof {
  readonly authContexts: readonly string[]
  readonly capabilities: readonly string[]
}

/**
 * The claims of the requested token.
 *
 * @throws Refused when the request requires what the user has not satisfied: the client must have the user sign in with these claims
 */
export function proofFor({ oidc }: KoaContextWithOIDC): Proof {
  const { AuthorizationCode, RefreshToken, DeviceCode, Assertion } = oidc.entities
  const { amr = [] } = AuthorizationCode ?? RefreshToken ?? DeviceCode ?? (Assertion as Proved | undefined) ?? {}
  const claims = oidc.body?.claims
  if (oidc.account && lacking(amr, claims).length > 0) throw new Refused(50076, { claims: String(claims) })
  return { authContexts: amr, capabilities: claimsRequest(claims).capabilities }
}

/** The presented grant, with the contexts that the user satisfied when signing in. */
interface Proved {
  readonly amr: string[]
}

/** The required contexts that are not among those that the user has satisfied. */
export function lacking(held: readonly string[] = [], claims: unknown): readonly string[] {
  return claimsRequest(claims).essential.filter((context) => !held.includes(context))
}
