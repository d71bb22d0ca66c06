/** How claims are read, whoever issued them: types are checked, and what is odd is not there. Pure. */
import { type Refusal, refusal } from '../refusals/refusal.js'
import type { Claims } from './principal.js'

/** Claims that every access token has, from any issuer. */
export const requiredClaims = ['iss', 'exp'] as const

/** A claim that is a string, and not an empty one. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** True for a claim that has a value: JSON's `null` is none, as if the claim was left out. */
export function isSent(value: unknown): boolean {
  return value !== undefined && value !== null
}

const isWord = (entry: unknown): entry is string => typeof entry === 'string' && entry.trim() !== ''

/** A claim as text, of any form: `String()` throws for an object that has no prototype, and claims have none. */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The strings of a list: itself, where there is nothing else in it. V8 makes room for 17 in each list that it filters. */
const wordsIn = (list: readonly unknown[]): readonly string[] => (list.every(isWord) ? list : list.filter(isWord))

/** The strings of a claim that is a list. */
export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? wordsIn(value) : []
}

/** The words of a claim that is one string, parted by spaces (RFC 6749 §3.3). */
export function words(value: unknown): readonly string[] {
  return typeof value === 'string' ? wordsIn(value.split(' ')) : []
}

/** A claim by the names that lead to it, in objects in objects. */
export type ClaimPath = readonly string[]

/**
 * The strings of a claim at a path, where it is a list.
 *
 * @param mayBeText also of one string, parted by commas
 */
export function textsAt(claims: Claims, path: ClaimPath, mayBeText: boolean): readonly string[] {
  const value = path.reduce<unknown>(
    (at, name) => (isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined),
    claims
  )
  if (typeof value !== 'string' || !mayBeText) return texts(value)
  return texts(value.split(',').map((part) => part.trim()))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** `name`, and `email` or `preferred_username`, where there are any: for display. */
export function displayOf(claims: Claims): { readonly name?: string; readonly email?: string } {
  const name = text(claims.name)
  const email = text(claims.email) ?? text(claims.preferred_username)
  const display: { name?: string; email?: string } = Object.create(null) // spread into the principal, and read from it
  if (name !== undefined) display.name = name
  if (email !== undefined) display.email = email
  return display
}

/** The refusal for the first of these claims that a token lacks. */
export function missingClaimRefusal(claims: Claims, names: readonly string[]): Refusal | undefined {
  const missing = names.find((name) => !Object.hasOwn(claims, name))
  return missing === undefined
    ? undefined
    : refusal('missing_claim', { detail: `The token lacks the claim "${missing}".` })
}

/** Only the clients that are allowed, where there is a list. */
export function clientRefusal(clientId: string, allowedClients: ReadonlySet<string> | undefined): Refusal | undefined {
  return !allowedClients || allowedClients.has(clientId) ? undefined : refusal('client_not_allowed')
}

/** A principal is shared between requests: nobody may change it for the next one. Without recursion, however deep a claim nests. */
export function deepFreeze<T extends object>(value: T): T {
  const open: object[] = [value]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    Object.freeze(next)
    for (const each of Object.values(next)) if (typeof each === 'object' && each !== null) open.push(each)
  }
  return value
}
