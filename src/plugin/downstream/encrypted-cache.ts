/** Users' tokens in a store that instances share, encrypted, so that read access to the store yields none of them. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import type { Logger } from '../lib/logger.js'
import { inTime } from '../lib/outages.js'
import { withoutCommand } from '../lib/redis-error.js'
import type { SharedTokenCache } from './options.js'

/** Deadline of the store: after it, the token is fetched from the tenant instead. */
const maxSeconds = 1

/** The store, for one user's token. */
export interface Partition {
  readonly key: string
  readonly client: SharedTokenCache
}

/**
 * The store for one token of a caller. Without that token its entry can be neither found nor decrypted.
 *
 * @param prefix distinguishes the APIs that use the store
 */
export function partitionOf(store: SharedTokenCache, prefix: string, assertion: string, log: Logger): Partition {
  const key = `fastify-entra:obo:${prefix}:${createHash('sha256').update(assertion).digest('base64url')}`
  const secret = Buffer.from(hkdfSync('sha256', assertion, prefix, 'fastify-entra shared token cache', 32))
  const survived = async <T>(work: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await inTime('sharedCache', maxSeconds, work)
    } catch (error) {
      log.warn({ reason: withoutCommand(error) }, 'the shared token cache failed')
      return otherwise
    }
  }
  const client: SharedTokenCache = {
    get: (name) => survived(read(store, name, secret), ''),
    set: (name, text) => survived(write(store, name, seal(text, secret)), undefined)
  }
  return { key, client }
}

const read = async (store: SharedTokenCache, name: string, secret: Buffer) => unseal(await store.get(name), secret)
const write = async (store: SharedTokenCache, name: string, text: string) => store.set(name, text)

const ivBytes = 12
const tagBytes = 16

/** AES-256-GCM (NIST SP 800-38D): initialization vector, tag, text. */
function seal(text: string, secret: Buffer): string {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', secret, iv)
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64')
}

function unseal(text: string, secret: Buffer): string {
  if (!text) return ''
  const bytes = Buffer.from(text, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, ivBytes), {
    authTagLength: tagBytes // otherwise a tag of 4 bytes would be accepted
  })
  decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
  return Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8')
}
