/** Whether a signature holds, with `iss`, `exp` and `nbf`: by fast-jwt, one prepared verifier for each key. Its cache stays off: it hands one mutable object to everybody. */
import { createVerifier } from 'fast-jwt'
import { requiredClaims } from '../claims/read.js'
import type { VerificationKey } from '../keys/jwks.js'
import { withoutStackTraces } from '../lib/quiet.js'

/** Throws fast-jwt's error where the signature or one of these claims does not hold. */
export type CheckSignature = (token: string, key: VerificationKey) => void

/** Makes the check. A key may verify what its own entry allows, and nothing else (RFC 8725 §3.1). */
export function signatureCheck(clockToleranceSeconds: number): CheckSignature {
  const prepared = new WeakMap<VerificationKey, (token: string) => unknown>()
  const prepare = (key: VerificationKey) => {
    const { algorithms } = key
    const verify = createVerifier({
      key: key.pem,
      algorithms: [...algorithms],
      requiredClaims: [...requiredClaims],
      clockTolerance: clockToleranceSeconds * 1000
    })
    prepared.set(key, verify)
    return verify
  }
  return (token, key) => void withoutStackTraces(() => (prepared.get(key) ?? prepare(key))(token))
}

/** Whether a token is signed by a key, whatever it says. For whoever asks about one token: it prepares a verifier each time. */
export function isSignedBy(token: string, { pem, algorithms }: VerificationKey): boolean {
  const verify = createVerifier({
    key: pem,
    algorithms: [...algorithms],
    ignoreExpiration: true,
    ignoreNotBefore: true
  })
  try {
    withoutStackTraces(() => verify(token))
    return true
  } catch {
    return false
  }
}
