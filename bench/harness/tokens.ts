/** Tokens as Entra makes them, minted before anything is measured: 25 claims, 1.7 KB, RS256. */
import { createPrivateKey, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { promisify } from 'node:util'

const signAsync = promisify<string, Buffer, KeyObject, Buffer>(sign)

/** Signatures under way at a time: they run on the threads of libuv. */
const batch = 64

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const opaque = (bytes: number) => randomBytes(bytes).toString('base64url')

export interface Mint {
  readonly issuer: string
  readonly tenantId: string
  readonly clientId: string
  readonly kid: string
  readonly privatePem: string
}

const callerId = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'
const groups = Array.from({ length: 2 }, () => randomUUID())

/** A day: a run must not outlive its tokens. */
const lifetime = 86_400

function claimsOf({ issuer, tenantId, clientId }: Mint, expiresIn: number) {
  const now = Math.floor(Date.now() / 1000)
  const exp = now + expiresIn
  const iat = Math.min(now, exp) - 300
  return {
    ...{ aud: clientId, iss: issuer, iat, nbf: iat, exp },
    ...{ aio: opaque(54), azp: callerId, azpacr: '1', family_name: 'Lovelace', given_name: 'Ada', groups },
    ...{ ipaddr: '203.0.113.7', login_hint: opaque(36), name: 'Ada Lovelace', oid: callerId },
    ...{ preferred_username: 'ada.lovelace@contoso.example', rh: opaque(30), roles: ['Reader', 'Writer'] },
    ...{ scp: 'access_as_user Orders.Read', sid: callerId, sub: 'pairwise-subject-of-this-api-0123456789abcdef' },
    ...{ tid: tenantId, uti: opaque(16), ver: '2.0', xms_ftd: opaque(24) }
  }
}

const headerOf = (kid: string) => base64url({ typ: 'JWT', alg: 'RS256', kid })

async function mint(by: Mint, key: KeyObject, expiresIn = lifetime): Promise<string> {
  const input = `${headerOf(by.kid)}.${base64url(claimsOf(by, expiresIn))}`
  return `${input}.${(await signAsync('RSA-SHA256', Buffer.from(input), key)).toString('base64url')}`
}

/** Writes tokens into a file, one a line. */
async function write(file: string, count: number, make: (n: number) => string | Promise<string>): Promise<void> {
  const out = createWriteStream(file)
  for (let from = 0; from < count; from += batch) {
    const size = Math.min(batch, count - from)
    const tokens = await Promise.all(Array.from({ length: size }, (_, n) => make(from + n)))
    if (!out.write(`${tokens.join('\n')}\n`)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
}

export async function writeGood(file: string, count: number, by: Mint): Promise<void> {
  const key = createPrivateKey(by.privatePem)
  await write(file, count, () => mint(by, key))
}

/** Other claims under the signature of a good token: as costly to refuse as a good one is to accept. */
export function writeForged(file: string, count: number, by: Mint, good: string): Promise<void> {
  const signature = good.slice(good.lastIndexOf('.') + 1)
  const claims = () => base64url({ ...claimsOf(by, lifetime), roles: ['Admin'] })
  return write(file, count, () => `${headerOf(by.kid)}.${claims()}.${signature}`)
}

/** A good token's claims and signature, under a key that nobody has. */
export function writeUnknownKids(file: string, count: number, good: string): Promise<void> {
  const rest = good.slice(good.indexOf('.'))
  return write(file, count, () => headerOf(randomUUID()) + rest)
}

/** As long as good ones: no JWT at all, and three parts that hold no JSON, in turn. */
export function writeMalformed(file: string, count: number, good: string): Promise<void> {
  const [header = '', payload = '', signature = ''] = good.split('.')
  const noise = (like: string) => opaque(like.length).slice(0, like.length)
  return write(file, count, (n) =>
    n % 2 === 0 ? noise(good) : `${noise(header)}.${noise(payload)}.${noise(signature)}`
  )
}

/** One good token. */
export function mintGood(by: Mint): Promise<string> {
  return mint(by, createPrivateKey(by.privatePem))
}

/** For the check of answers: expired for an hour, as some allow clocks to be minutes apart. */
export async function mintExpired(by: Mint): Promise<string> {
  return mint(by, createPrivateKey(by.privatePem), -3600)
}
