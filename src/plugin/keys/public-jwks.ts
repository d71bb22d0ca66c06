/** Keys as a set publishes them (RFC 7517 §4): public members only, as they are made from public keys. */
import { createPublicKey } from 'node:crypto'
import { type Algorithm, algorithmsOf, type VerificationKey } from './jwks.js'

/**
 * The entries of one key. It has one for each of its algorithms if its own `alg` restricted it, as `alg` names one.
 *
 * @param accepted the algorithms of its issuer
 */
export function toPublicJwks(
  { kid, pem, algorithms, issuer }: VerificationKey,
  accepted: readonly Algorithm[]
): readonly object[] {
  const members = createPublicKey(pem).export({ format: 'jwk' })
  const entry = {
    ...(kid !== undefined && { kid }),
    use: 'sig',
    ...members,
    ...(issuer !== undefined && { issuer })
  }
  const able = algorithmsOf({ ...members }).filter((name) => accepted.includes(name))
  return able.length === algorithms.length ? [entry] : algorithms.map((alg) => ({ ...entry, alg }))
}
