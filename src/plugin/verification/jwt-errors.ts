/** Maps every error code of fast-jwt to a refusal. Unmapped errors would become a 500, with messages that reveal internals. */
import { missingClaimRefusal, requiredClaims } from '../claims/read.js'
import { type Refusal, type RefusalCode, refusal } from '../refusals/refusal.js'
import type { DecodedToken } from './decode.js'

/** `null`: a client cannot cause it; it is a mistake in the program, and is thrown as such. */
export const refusalOf: Readonly<Record<string, RefusalCode | null>> = {
  FAST_JWT_INVALID_TYPE: 'wrong_token_type',
  FAST_JWT_INVALID_ALGORITHM: 'wrong_algorithm',
  FAST_JWT_INVALID_CLAIM_TYPE: 'invalid_claim',
  FAST_JWT_INVALID_CLAIM_VALUE: 'invalid_claim',
  FAST_JWT_INVALID_SIGNATURE: 'invalid_signature',
  FAST_JWT_INVALID_PAYLOAD: 'token_malformed',
  FAST_JWT_MALFORMED: 'token_malformed',
  FAST_JWT_INACTIVE: 'token_not_yet_valid',
  FAST_JWT_EXPIRED: 'token_expired',
  FAST_JWT_MISSING_REQUIRED_CLAIM: 'missing_claim',
  FAST_JWT_MISSING_SIGNATURE: 'invalid_signature',
  FAST_JWT_INVALID_CRIT_HEADER: 'unsupported_header',
  FAST_JWT_VERIFY_ERROR: 'invalid_signature',
  // Keys are validated when they are installed, options when the plugin is registered, the header in stage 1.
  FAST_JWT_INVALID_OPTION: null,
  FAST_JWT_INVALID_KEY: null,
  FAST_JWT_MISSING_KEY: null,
  FAST_JWT_KEY_FETCHING_ERROR: null,
  FAST_JWT_SIGN_ERROR: null
}

function meaningOf(error: unknown): RefusalCode | null | undefined {
  const { code } = Object(error) as { code?: unknown }
  return typeof code === 'string' && Object.hasOwn(refusalOf, code) ? refusalOf[code] : null
}

/** Whether an error of the libraries says that the signature is invalid. */
export const isInvalidSignature = (error: unknown): boolean => meaningOf(error) === 'invalid_signature'

/**
 * The refusal for an error of the libraries.
 *
 * @param decoded the token that it was raised for
 * @throws the error itself if no client can have caused it
 */
export function explain(error: unknown, decoded: DecodedToken): Refusal {
  const meaning = meaningOf(error)
  if (!meaning) throw error
  return meaning === 'invalid_signature' || meaning === 'missing_claim'
    ? signatureRefusal(decoded, meaning)
    : refusal(meaning)
}

/** A missing claim is reported first, whatever the signature. */
export function signatureRefusal({ payload }: DecodedToken, code: RefusalCode = 'invalid_signature'): Refusal {
  return missingClaimRefusal(payload, requiredClaims) ?? refusal(code)
}
