/** Checks that issuers of several kinds have in common. */

import type { Claims } from '../claims/principal.js'
import { asText, clientRefusal, text } from '../claims/read.js'
import { refusal } from '../refusals/refusal.js'
import type { Check } from './token-rules.js'

/** Refuses a token that is bound to a key (RFC 7800 §3, RFC 8705, RFC 9449 §7.1): this API does not verify the proof of possession. */
export const unboundCheck: Check = {
  id: 'cnf',
  source: 'RFC 7800 §3',
  expected: 'no cnf',
  found: ({ claims }) => claims.cnf,
  refuse: ({ claims: { cnf } }) => (cnf === undefined ? undefined : refusal('bound_token'))
}

/** Applications store data under the subject. */
export const subjectCheck: Check = {
  id: 'sub',
  source: 'RFC 7519 §4.1.2',
  expected: 'a sub that is a non-empty string',
  found: ({ claims }) => claims.sub,
  refuse: ({ claims: { sub } }) =>
    text(sub) === undefined
      ? refusal('invalid_claim', { detail: 'The "sub" of the token is not a string.' })
      : undefined
}

/** Refuses clients that are not in the list, if there is one. */
export function clientCheck(
  allowedClients: ReadonlySet<string> | undefined,
  clientOf: (claims: Claims) => string | undefined
): Check {
  return {
    id: 'client',
    source: 'the option allowedClients',
    expected: allowedClients ? [...allowedClients].join(' or ') : 'any client',
    found: ({ claims }) => clientOf(claims),
    refuse: ({ claims }) => clientRefusal(asText(clientOf(claims)), allowedClients)
  }
}
