/**
 * Verifies a signature, with `iss`, `exp` and `nbf`: by fast-jwt, with one prepared verifier per key. Its cache stays off: it returns one
 * mutable object to all callers.
 */
import { createVerifier } from 'fast-jwt'
import { requiredClaims } from '../claims/read.js'
import type { VerificationKey } from '../keys/jwks.js'
import { withoutPrototype } from '../lib/own.js'
import { withoutStackTraces } from '../lib/quiet.js'
import type { Members } from './json-segment.js'

/** Returns the payload, without a prototype. Throws fast-jwt's error if the signature or one of these claims is invalid. */
export type CheckSignature = (token: string, key: VerificationKey) => Members

/** Creates the check. A key verifies only what its own entry allows (RFC 8725 §3.1). */
export function signatureCheck(clockToleranceSeconds: number): CheckSignature {
  const prepared = new WeakMap<VerificationKey, (token: string) => Members>()
  const prepare = (key: VerificationKey) => {
    const { algorithms } = key
    const verify: (token: string) => Members = createVerifier({
      key: key.pem,
      algorithms: [...algorithms],
      requiredClaims: [...requiredClaims],
      clockTolerance: clockToleranceSeconds * 1000
    })
    prepared.set(key, verify)
    return verify
  }
  return (token, key) => withoutPrototype(withoutStackTraces(() => (prepared.get(key) ?? prepare(key))(token)))
}

/** Whether a token is signed by a key, whatever its claims. For single tokens: it prepares a verifier each time. */
export function isSignedBy(token: string, { pem, algorithms }: VerificationKey): boolean {
  const allowed = [...algorithms]
  const verify = createVerifier({ key: pem, algorithms: allowed, ignoreExpiration: true, ignoreNotBefore: true })
  try {
    withoutStackTraces(() => verify(token))
    return true
  } catch {
    return false
  }
}
