/** Keys and sets of them for tests that verify nothing: their PEMs are names. */
import type { Algorithm, VerificationKey } from '../../src/plugin/keys/jwks.js'
import { KeyIndex } from '../../src/plugin/keys/key-index.js'

export const key = (kid: string | undefined, pem: string, ...algorithms: Algorithm[]): VerificationKey => ({
  kid,
  pem,
  algorithms
})

export const indexOf = (...keys: VerificationKey[]) => new KeyIndex({ keys, dropped: 0, unread: 0, unsupported: [] })
