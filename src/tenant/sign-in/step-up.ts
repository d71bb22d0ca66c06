import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import { claimsRequest } from '../tokens/claims-request.js'
import { Refused } from '../tokens/refusals.js'

// A sign-in proves whatever it was asked for, as everybody may be anybody here. What it proved is kept as `amr` of the
// session, and from there of codes and refresh tokens.

/** Who has not proved what the request needs signs in again, and is refused where nothing may be asked (`prompt=none`). */
export const provesAuthContexts = new interactionPolicy.Check(
  'auth_context',
  'AADSTS50076: The user must sign in again to satisfy the claims parameter.',
  'interaction_required',
  ({ oidc }) => lacking(oidc.session?.amr, oidc.params?.claims).length > 0
)

/** What a user has proved after a sign-in for a request, and before in the same session. */
export function proved(before: readonly string[] | undefined, claims: unknown): string[] {
  const all = new Set(before)
  for (const context of claimsRequest(claims).authContexts) all.add(context)
  return [...all]
}

/** What a token says of the sign-in behind it, and of its client. */
export interface Proof {
  readonly authContexts: readonly string[]
  readonly capabilities: readonly string[]
}

/**
 * What the token that is asked for shall say.
 *
 * @throws Refused when the request needs what the user did not prove: the client has to have the user sign in with these claims
 */
export function proofFor({ oidc }: KoaContextWithOIDC): Proof {
  const { AuthorizationCode, RefreshToken, DeviceCode, Assertion } = oidc.entities
  const { amr = [] } = AuthorizationCode ?? RefreshToken ?? DeviceCode ?? (Assertion as Proved | undefined) ?? {}
  const claims = oidc.body?.claims
  if (oidc.account && lacking(amr, claims).length > 0) throw new Refused(50076, { claims: String(claims) })
  return { authContexts: amr, capabilities: claimsRequest(claims).capabilities }
}

/** What was presented for the token, with what the user proved when signing in. */
interface Proved {
  readonly amr: string[]
}

function lacking(held: readonly string[] = [], claims: unknown): readonly string[] {
  return claimsRequest(claims).essential.filter((context) => !held.includes(context))
}
