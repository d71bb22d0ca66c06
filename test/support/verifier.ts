/** A verifier that trusts a tenant of the test, and ends with it. */
import type { Test } from 'tap'
import { createVerifier, type Verifier, type VerifierOptions } from '../../src/plugin/verifier-index.js'
import { clientId, type TestTenant, tenantId } from './tenant.js'

/** @param more options beside the tenant's, or in place of them */
export function startVerifier(t: Test, { origin }: TestTenant, more: object = {}): Verifier {
  const verifier = createVerifier({ tenantId, clientId, authority: origin, ...more } as VerifierOptions)
  t.teardown(() => verifier.close())
  return verifier
}
