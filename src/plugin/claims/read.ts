/** Reads claims of any issuer: types are checked, and a claim of another type counts as absent. Pure. */
import { type Refusal, refusal } from '../refusals/refusal.js'
import type { Claims } from './principal.js'

/** Claims that every access token has, from any issuer. */
export const requiredClaims = ['iss', 'exp'] as const

/** A claim that is a non-empty string. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** True for a claim that has a value: `null` counts as absent. */
export function isSent(value: unknown): boolean {
  return value !== undefined && value !== null
}

const isWord = (entry: unknown): entry is string => typeof entry === 'string' && entry.trim() !== ''

/** A claim as text, of any form: `String()` throws for an object that has no prototype, and claims have none. */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The strings of a list: the list itself when it holds nothing else. V8 reserves 17 places in each list that it filters. */
const wordsIn = (list: readonly unknown[]): readonly string[] => (list.every(isWord) ? list : list.filter(isWord))

/** The strings in a claim that is a list. */
export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? wordsIn(value) : []
}

/** The space-separated words of a claim that is one string (RFC 6749 §3.3). */
export function words(value: unknown): readonly string[] {
  return typeof value === 'string' ? wordsIn(value.split(' ')) : []
}

/** A claim at a path of names in nested objects; a list on the way stands for each object in it. */
export type ClaimPath = readonly string[]

/** The forms that a claim with names, such as roles, may have beside a list of strings. */
export interface NameForms {
  /** Whether it may be one string, with commas between names. */
  readonly mayBeText: boolean
  /** Whether the names may be the keys of an object. */
  readonly mayBeKeys: boolean
}

/** A list of strings, and nothing else. */
export const listsOnly: NameForms = Object.freeze({ mayBeText: false, mayBeKeys: false })

/** The names in a claim at a path, in any of the forms that it may have; none from a claim of another form. */
export function namesAt(claims: Claims, path: ClaimPath, forms: NameForms): readonly string[] {
  return namesBelow(claims, path, 0, forms)
}

/** @param at how much of the path led to the value */
function namesBelow(value: unknown, path: ClaimPath, at: number, forms: NameForms): readonly string[] {
  const name = path[at]
  if (name === undefined) return namesIn(value, forms)
  if (Array.isArray(value)) return value.filter(isObject).flatMap((each) => namesBelow(each, path, at, forms))
  return isObject(value) && Object.hasOwn(value, name) ? namesBelow(value[name], path, at + 1, forms) : none
}

const none: readonly string[] = Object.freeze([])

/** The names of all lists in turn: the only list that has any, as it is, or a new one. */
export function joined(...lists: readonly (readonly string[])[]): readonly string[] {
  const filled = lists.filter(({ length }) => length > 0)
  return filled.length > 1 ? filled.flat() : (filled[0] ?? none)
}

/** Each name once, at its first place: the list itself if it has no name twice. */
export function distinct(names: readonly string[]): readonly string[] {
  if (names.length < 2) return names
  const found = new Set(names)
  return found.size === names.length ? names : [...found]
}

function namesIn(value: unknown, { mayBeText, mayBeKeys }: NameForms): readonly string[] {
  if (typeof value === 'string' && mayBeText) return texts(value.split(',').map((part) => part.trim()))
  if (mayBeKeys && isObject(value)) return texts(Object.keys(value).filter((name) => isGranted(value[name])))
  return texts(value)
}

/** Zitadel, "Retrieve user roles": under the name of a role are the organizations that grant it. Without any it is not granted. */
function isGranted(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `exp`, which every verified token has. */
export const expiryOf = ({ exp }: Claims): number => (typeof exp === 'number' ? exp : Number.NaN)

/** `name`, and `email` or `preferred_username`, if present: for display. */
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

/** The refusal of a client that is not in the list of allowed clients, if there is one. */
export function clientRefusal(clientId: string, allowedClients: ReadonlySet<string> | undefined): Refusal | undefined {
  return !allowedClients || allowedClients.has(clientId) ? undefined : refusal('client_not_allowed')
}
