/**
 * Which answers are right, known before they come: docs/outages.md and docs/revocation.md in code. While a condition changes, the answers of
 * before and of after are right; once it is known, only one is.
 */
import { type Conditions, isOnly, type Weather } from './history.js'

const unknownKey = '401 unknown_key'
const revoked = '401 token_revoked'
const noKeys = '503 tenant_unavailable'
const noStore = '503 admission_unavailable'

/** Outcomes of a request with a token that is valid but for its conditions, as `outcomeOf` words them. */
export function rightOutcomes(seen: Conditions): ReadonlySet<string> {
  return new Set([...outcomesOfKey(seen), ...(mayBeHeld(seen) ? outcomesOfStore(seen) : [])])
}

/** A key that may be new is a 503 while the tenant is down, since nobody knows; once it is known, a 401. */
function outcomesOfKey({ key, tenant }: Conditions): readonly string[] {
  if (isOnly(key, 'held')) return []
  if (isOnly(tenant, 'down') && !key.has('announced') && !key.has('leaving') && !key.has('held')) return [noKeys]
  return isOnly(tenant, 'up') ? [unknownKey] : [unknownKey, noKeys]
}

const mayBeHeld = ({ key }: Conditions) => !isOnly(key, 'gone') && !isOnly(key, 'hidden')

/** Redis decides who is revoked; without it nobody is let in. */
function outcomesOfStore({ redis, standing }: Conditions): readonly string[] {
  if (isOnly(redis, 'down')) return [noStore]
  const good = standing.has('good') || standing.has('revoking') ? ['200'] : []
  const refused = standing.has('revoking') || standing.has('revoked') ? [revoked] : []
  return [...good, ...refused, ...(isOnly(redis, 'up') ? [] : [noStore])]
}

/** The same for a route that exchanges the token: what the tenant's token endpoint has not given is a 503. */
export function rightOutcomesOnBehalfOf(seen: Conditions, tokens: ReadonlySet<Weather>): ReadonlySet<string> {
  const right = rightOutcomes(seen)
  if (isOnly(tokens, 'up') || !right.has('200')) return right
  return new Set([...right, '503 downstream_unavailable'])
}

/** Answers that need a key which may be new, in the words of a row of the corpus. */
const needsKeys = /^401 invalid_token (unknown_key|wrong_algorithm|invalid_signature)$/
/** Answers that come before anybody looks at revocations. */
const beforeRevocation = /^(401 (invalid_token|-)|400 invalid_request)/

/** The same for a row of the corpus, which never gets more than in good weather. */
export function rightAnswers(tenant: ReadonlySet<Weather>, redis: ReadonlySet<Weather>, is: string): readonly string[] {
  const noTenant = !isOnly(tenant, 'up') && needsKeys.test(is)
  const noRedis = !isOnly(redis, 'up') && !beforeRevocation.test(is)
  return [is, ...(noTenant ? ['503 x tenant_unavailable'] : []), ...(noRedis ? ['503 x admission_unavailable'] : [])]
}

/** What an event stream may say at its end. */
export interface StreamEnd {
  /** The code that it says. */
  readonly code: string
  /** When it ended, and when its token expired, in seconds since 1970. */
  readonly at: number
  readonly expiresAt: number
}

/** Whether a stream had a reason to end as it did. */
export function isRightEnd(
  { code, at, expiresAt }: StreamEnd,
  { key, standing }: Omit<Conditions, 'tenant' | 'redis'>
) {
  if (code === 'token_expired') return at >= expiresAt
  if (code === 'token_revoked') return !isOnly(standing, 'good')
  return code === 'unknown_key' && (key.has('leaving') || key.has('gone'))
}
