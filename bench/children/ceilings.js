/** How fast a token can be verified at all, without any server around it. */
import { createPublicKey, verify } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import { tokensOf } from './requests.js'

/** @typedef {import('../types.js').CeilingJob} CeilingJob */

/** @type {Record<CeilingJob['name'], (publicPem: string) => (token: string) => unknown>} */
const verifiers = {
  'fast-jwt': (publicPem) => createVerifier({ key: publicPem, algorithms: ['RS256'] }),
  'node:crypto': (publicPem) => {
    const key = createPublicKey(publicPem)
    return (token) => {
      const end = token.lastIndexOf('.')
      const signature = Buffer.from(token.slice(end + 1), 'base64url')
      if (!verify('RSA-SHA256', Buffer.from(token.slice(0, end)), key, signature)) throw new Error('not verified')
    }
  }
}

/**
 * @param {CeilingJob} job
 * @returns {import('../types.js').CeilingResult}
 */
function measure({ name, tokens, publicPem, seconds }) {
  const all = tokensOf(tokens)
  const verifyOne = verifiers[name](publicPem)
  for (const token of all) verifyOne(token)
  const began = performance.now()
  const before = process.cpuUsage()
  let count = 0
  while (performance.now() - began < seconds * 1000) {
    for (const token of all) verifyOne(token)
    count += all.length
  }
  const { user, system } = process.cpuUsage(before)
  return { perSecond: (count * 1000) / (performance.now() - began), cpuMicros: (user + system) / count }
}

process.on('disconnect', () => process.exit())
process.on('message', (job) => process.send?.(measure(/** @type {CeilingJob} */ (job))))
process.send?.('ready')
