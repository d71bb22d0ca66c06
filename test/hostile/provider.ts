/** Another OpenID provider beside the tenant: RSA, EC and Edwards keys, and metadata that lists what must not count. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { callerId, seconds, type TestTenant } from '../support/tenant.js'
import { ecdsa, eddsa, type Members, mint, rsa, type Signature } from './mint.js'

export const audience = 'https://orders.example'

export type ProviderKeys = Readonly<
  Record<'rsa' | 'rsa2' | 'p256' | 'p384' | 'p521' | 'ed25519' | 'secp256k1', KeyObject>
>

export interface Provider {
  readonly issuer: string
  readonly keys: ProviderKeys
  /** A payload that is accepted, with claims replaced, or taken out by `undefined`. */
  claims(claims?: Members): Members
  /** A user's token under ES256, unless told otherwise. */
  token(claims?: Members, parameters?: Members, signature?: Signature): string
}

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey

const present = (members: Members) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

/** Publishes the provider beside the tenant, below `/oidc`. */
export function publishProvider({ origin, answers }: TestTenant): Provider {
  const issuer = `${origin}/oidc`
  const keys: ProviderKeys = {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    rsa2: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    p256: ec('P-256'),
    p384: ec('P-384'),
    p521: ec('P-521'),
    ed25519: generateKeyPairSync('ed25519').privateKey,
    secp256k1: ec('secp256k1')
  }
  const entry = (kid: keyof ProviderKeys, members: Members = {}) => ({
    ...createPublicKey(keys[kid]).export({ format: 'jwk' }),
    kid,
    ...members
  })
  const published = [
    ...[entry('rsa'), entry('p256'), entry('p384'), entry('p521'), entry('ed25519'), entry('secp256k1')],
    entry('rsa', { kid: 'rsa-rs256', alg: 'RS256' }),
    // So that two keys fit PS384, and one RS256.
    entry('rsa2', { alg: 'PS384' }),
    ...[entry('rsa', { kid: 'shared' }), entry('p256', { kid: 'shared' })],
    ...['PS256', 'RS256'].map((alg) => entry('rsa', { kid: 'listed', alg })),
    ...[entry('rsa', { kid: 'clash', alg: 'RS256' }), entry('rsa2', { kid: 'clash', alg: 'PS256' })],
    ...[entry('p384', { kid: 'curves' }), entry('p256', { kid: 'curves' })],
    entry('p256', { kid: 'nulls', use: null, key_ops: null, alg: null, d: null, k: null }),
    entry('p256', { kid: 'no-ops', key_ops: [] }),
    entry('ed25519', { kid: 'ed25519-rfc9864', alg: 'Ed25519' }),
    entry('rsa', { kid: 'rsa-hs256', alg: 'HS256' }),
    entry('p256', { kid: 'p256-es384', alg: 'ES384' }),
    entry('p256', { kid: 'p256-enc', use: 'enc' }),
    entry('p256', { kid: 'p256-crv', crv: 'P-384' }),
    entry('p256', { kid: 'p256-off', x: entry('p256').y, y: entry('p256').x }),
    entry('p256', { kid: 'p256-private', d: keys.p256.export({ format: 'jwk' }).d })
  ]
  const metadata = {
    issuer,
    jwks_uri: `${issuer}/keys`,
    id_token_signing_alg_values_supported: ['none', 'HS256', 'RS256', 'ES256'],
    token_endpoint_auth_signing_alg_values_supported: ['HS256']
  }
  const answer = (path: string, body: unknown) =>
    answers.set(path, (_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(body))
    })
  answer('/oidc/.well-known/openid-configuration', metadata)
  answer('/oidc/keys', { keys: published })
  const claims: Provider['claims'] = (changed) => {
    const now = seconds()
    const times = { iat: now, nbf: now, exp: now + 3600 }
    return present({
      ...times,
      iss: issuer,
      aud: audience,
      sub: 'user-1',
      azp: callerId,
      scope: 'read:orders',
      ...changed
    })
  }
  return {
    issuer,
    keys,
    claims,
    token: (changed, parameters, signature = ecdsa(keys.p256)) =>
      mint(present({ typ: 'JWT', alg: 'ES256', kid: 'p256', ...parameters }), claims(changed), signature)
  }
}

/** The signature that goes with an `alg`, by the key that goes with it. */
export function signatureOf({ keys }: Provider, alg: string): [kid: keyof ProviderKeys, signature: Signature] {
  if (alg === 'RS256') return ['rsa', rsa(keys.rsa)]
  if (alg === 'EdDSA') return ['ed25519', eddsa(keys.ed25519)]
  const [kid, digest] = ({ ES256: ['p256', 'sha256'], ES384: ['p384', 'sha384'], ES512: ['p521', 'sha512'] } as const)[
    alg as 'ES256'
  ]
  return [kid, ecdsa(keys[kid], digest)]
}
