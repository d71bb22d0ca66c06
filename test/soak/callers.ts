/** Users, and their tokens: each with what is known of its key and of its revocation. */
import { generateKeyPair, type KeyObject, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { rsa } from '../hostile/mint.js'
import { seconds, type World } from '../hostile/world.js'
import { History, type KeyState, type Standing } from './history.js'
import type { Random } from './random.js'

/** A signing key of the tenant. */
export interface SoakKey {
  readonly kid: string
  readonly key: KeyObject
  readonly state: History<KeyState>
}

export interface Credential {
  readonly token: string
  readonly user: string
  readonly key: SoakKey
  readonly standing: History<Standing>
  /** Seconds since 1970; until then the API accepts it, with the allowed clock skew. */
  readonly expiresAt: number
}

const users = 40
const tokensOfUser = 6
/** The default of `clockToleranceSeconds`. */
export const toleranceSeconds = 60
/** Younger than that is far from the end of its hour. */
const usedForSeconds = 1800
const newPair = promisify(generateKeyPair)

export async function newKey(kid: string, state: KeyState): Promise<SoakKey> {
  const { privateKey } = await newPair('rsa', { modulusLength: 2048 })
  return { kid, key: privateKey, state: new History<KeyState>(state) }
}

export class Callers {
  readonly #world: World
  readonly #random: Random
  readonly #users = Array.from({ length: users }, () => randomUUID())
  readonly #tokens = new Map<string, Credential[]>()
  /** Of all tokens that a user got since the last revocation, also of those that are not kept here. */
  readonly #standings = new Map<string, History<Standing>>()
  /** Users whose revocation is under way, or so recent that a token of the same second would be refused. */
  readonly #away = new Set<string>()
  /** The key that is never withdrawn. */
  readonly main: SoakKey
  revoked: Credential[] = []

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
    this.main = { kid: 'key-1', key: world.keys.main, state: new History<KeyState>('held') }
  }

  /** A user who may sign in. */
  user(): string {
    return this.#random.one(this.#users.filter((user) => !this.#away.has(user)))
  }

  /**
   * A new sign-in.
   *
   * @param lifetime seconds for which the API is to accept the token; default: an hour
   */
  signIn({ user = this.user(), key = this.main, lifetime = 3600 } = {}): Credential {
    const expiresAt = seconds() + Math.round(lifetime)
    const claims = { oid: user, exp: expiresAt - toleranceSeconds, uti: randomUUID() }
    const token = this.#world.token(claims, { kid: key.kid, x5t: key.kid }, rsa(key.key))
    const credential = { token, user, key, standing: this.#standingOf(user), expiresAt }
    this.#tokens.set(user, [...this.#tokensOf(user), credential].slice(-tokensOfUser))
    return credential
  }

  /** A token that was used before, most likely. */
  known(): Credential {
    const user = this.user()
    const known = this.#tokensOf(user).filter(({ expiresAt, key }) => key === this.main && isYoung(expiresAt))
    return known.length > 0 ? this.#random.one(known) : this.signIn({ user })
  }

  /** A token that was revoked, if there is one. */
  takenBack(): Credential | undefined {
    this.revoked = this.revoked.filter(({ expiresAt }) => isYoung(expiresAt)).slice(-60)
    return this.revoked.length > 0 ? this.#random.one(this.revoked) : undefined
  }

  /** Whether a user gets no tokens at the moment. */
  isAway = (user: string): boolean => this.#away.has(user)

  /**
   * Revokes all tokens of a user who is not away, and who signs in again afterwards.
   *
   * @param revoke resolves to the time until which tokens are revoked
   */
  async revoke(user: string, revoke: () => Promise<Date>): Promise<void> {
    this.#away.add(user)
    const standing = this.#standingOf(user)
    standing.set('revoking')
    const until = await revoke()
    standing.set('revoked')
    this.revoked.push(...this.#tokensOf(user))
    this.#tokens.delete(user)
    this.#standings.delete(user)
    const again = () =>
      seconds() > until.getTime() / 1000 ? void this.#away.delete(user) : void setTimeout(again, 100)
    again()
  }

  #standingOf(user: string): History<Standing> {
    const standing = this.#standings.get(user) ?? new History<Standing>('good')
    this.#standings.set(user, standing)
    return standing
  }

  #tokensOf = (user: string): readonly Credential[] => this.#tokens.get(user) ?? []
}

const isYoung = (expiresAt: number) => expiresAt - seconds() > 3600 - usedForSeconds
