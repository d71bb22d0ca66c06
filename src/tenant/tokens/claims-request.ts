import { errors } from 'oidc-provider'

/** What a client asks of its access token by the `claims` parameter (OpenID Connect Core 1.0 §5.5). */
export interface ClaimsRequest {
  /** `acrs`: what the user has to have proved (Microsoft: "Conditional Access authentication context"). */
  readonly authContexts: readonly string[]
  /** Those of them without which the client wants no token. */
  readonly essential: readonly string[]
  /** `xms_cc`: what the client can do (Microsoft: "Claims challenges, claims requests, and client capabilities"). */
  readonly capabilities: readonly string[]
}

/** A member of a request: of one claim, one value or several. */
interface Wanted {
  readonly essential?: unknown
  readonly value?: unknown
  readonly values?: unknown
}

/** What tokens say of clients, of all that these may say of themselves: that they handle claims challenges. */
const CLAIMS_CHALLENGES = 'cp1'

/**
 * Reads the parameter. `nbf`, which asks for a token newer than one that was taken back, needs nothing: every token is new.
 *
 * @throws InvalidRequest where it is not the JSON that it should be
 */
export function claimsRequest(text: unknown): ClaimsRequest {
  const { acrs, xms_cc } = accessTokenMembers(text)
  const authContexts = valuesOf(acrs)
  return {
    authContexts,
    essential: acrs?.essential === true ? authContexts : [],
    capabilities: valuesOf(xms_cc).some((value) => value.toLowerCase() === CLAIMS_CHALLENGES) ? [CLAIMS_CHALLENGES] : []
  }
}

function accessTokenMembers(text: unknown): Readonly<Record<string, Wanted | null>> {
  if (text === undefined) return {}
  try {
    return { ...JSON.parse(String(text)).access_token }
  } catch {
    throw new errors.InvalidRequest('the claims parameter is not a JSON object')
  }
}

function valuesOf(wanted: Wanted | null | undefined): readonly string[] {
  return [wanted?.value, wanted?.values].flat().filter((value) => typeof value === 'string')
}
