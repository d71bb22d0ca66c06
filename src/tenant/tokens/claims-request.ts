import { errors } from 'oidc-provider'

/** A client's requirements for its access token in the `claims` parameter (OpenID Connect Core 1.0 §5.5). */
export interface ClaimsRequest {
  /** `acrs`: the contexts that the user must have satisfied (Microsoft: "Conditional Access authentication context"). */
  readonly authContexts: readonly string[]
  /** The contexts that the client marks as essential. */
  readonly essential: readonly string[]
  /** `xms_cc`: the capabilities of the client (Microsoft: "Claims challenges, claims requests, and client capabilities"). */
  readonly capabilities: readonly string[]
}

/** A member of a request: of one claim, one value or several. */
interface Wanted {
  readonly essential?: unknown
  readonly value?: unknown
  readonly values?: unknown
}

/** The only client capability that tokens contain: handling claims challenges. */
const CLAIMS_CHALLENGES = 'cp1'

/**
 * Parses the parameter. `nbf`, which requests a token newer than a revoked one, needs no action: every token is new.
 *
 * @throws InvalidRequest when it is not the expected JSON
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
