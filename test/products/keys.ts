/** Key pairs of the test, the sets that publish them in a product's form, and tokens that they sign. */
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { seconds } from '../support/tenant.js'
import { type Json, type Pair, type Product, type PublishedKey, pairs, type Sent, type Unsigned } from './shapes.js'

interface KeyPair {
  readonly privateKey: CryptoKey
  readonly jwk: Json
}

async function makePair(): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const { kty, n, e } = await exportJWK(publicKey)
  return { privateKey, jwk: { kty, n, e } }
}

/** All pairs; they take a second to make, so that all products share them. That one product has the key of another proves nothing. */
export class Keys {
  readonly #pairs: ReadonlyMap<Pair, KeyPair>

  private constructor(made: ReadonlyMap<Pair, KeyPair>) {
    this.#pairs = made
  }

  static async make(): Promise<Keys> {
    return new Keys(new Map(await Promise.all(pairs.map(async (name) => [name, await makePair()] as const))))
  }

  /** A JWK Set. */
  published(entries: readonly PublishedKey[]): Json {
    return { keys: entries.map(({ pair, members }) => ({ ...this.#pair(pair).jwk, ...members })) }
  }

  /** A token of an hour, in compact form. */
  sign({ header, claims }: Unsigned, pair: Pair): Promise<string> {
    const now = seconds()
    const present = Object.entries(claims).filter(([, value]) => value !== undefined)
    const timed = present.map(([name, value]) => [name, value === 'now' ? now : value])
    const named = Object.entries(header).filter(([, value]) => value !== undefined)
    return new SignJWT({ iat: now, exp: now + 3600, ...Object.fromEntries(timed) })
      .setProtectedHeader(Object.fromEntries(named) as { alg: string })
      .sign(this.#pair(pair).privateKey)
  }

  /** A token of a product, with what a row changes. */
  tokenOf({ tokens }: Product, { token, header, claims, pair = 'current' }: Sent): Promise<string> {
    const sample = tokens[token]
    if (!sample) throw new Error(`the fixture has no token ${token}`)
    return this.sign({ header: { ...sample.header, ...header }, claims: { ...sample.claims, ...claims } }, pair)
  }

  #pair(name: Pair): KeyPair {
    const pair = this.#pairs.get(name)
    if (!pair) throw new Error(`no key pair ${name}`)
    return pair
  }
}
