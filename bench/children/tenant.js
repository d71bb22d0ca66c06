/**
 * The tenant that every variant is set up against: discovery and keys as Entra publishes them, over https, since some
 * peers take nothing else. Counts what is fetched.
 */
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:https'
import { generate } from 'selfsigned'

const tenantId = '11111111-2222-4333-8444-555555555555'
const otherKeys = 3

/**
 * A certificate for 127.0.0.1, or for a signing key, as Entra publishes it in `x5c`.
 *
 * @param {import('selfsigned').SelfsignedOptions} [options]
 */
const certificate = (options) =>
  generate([{ name: 'commonName', value: 'localhost' }], { algorithm: 'sha256', ...options })

async function signingKey() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { cert } = await certificate({ keyPair: { publicKey: publicPem, privateKey: privatePem } })
  const x5c = cert.replace(/-----[^-]+-----|\s/g, '')
  const kid = createHash('sha1').update(Buffer.from(x5c, 'base64')).digest('base64url')
  const { n, e } = publicKey.export({ format: 'jwk' })
  return { kid, publicPem, privatePem, jwk: { kty: 'RSA', use: 'sig', kid, x5t: kid, n, e, x5c: [x5c] } }
}

const keys = await Promise.all(Array.from({ length: 1 + otherKeys }, signingKey))
const [signing] = keys
if (!signing) throw new Error('no key')
const tls = await certificate({ keyType: 'ec' })
let fetches = { all: 0, keys: 0 }
let origin = ''

/**
 * Any tenant is served, with the same keys, so that one process can be a thousand of them.
 *
 * @param {string} path
 */
function documentAt(path) {
  const [, tenant, discovery, v2] =
    /^\/([0-9a-f-]{36})\/(?:(discovery\/)(v2\.0\/)?keys|(?:v2\.0\/)?\.well-known\/openid-configuration)$/.exec(path) ??
    []
  if (!tenant) return undefined
  const isV2 = discovery ? v2 !== undefined : path.includes('/v2.0/')
  const issuer = `${origin}/${tenant}/${isV2 ? 'v2.0' : ''}`
  if (!discovery) return metadata(tenant, issuer, isV2)
  if (isV2) fetches.keys += 1
  return { keys: keys.map(({ jwk }) => ({ ...jwk, issuer })) }
}

/**
 * @param {string} tenant
 * @param {string} issuer
 * @param {boolean} isV2
 */
function metadata(tenant, issuer, isV2) {
  const oauth2 = `${origin}/${tenant}/oauth2/${isV2 ? 'v2.0/' : ''}`
  return {
    issuer,
    jwks_uri: `${origin}/${tenant}/discovery/${isV2 ? 'v2.0/' : ''}keys`,
    authorization_endpoint: `${oauth2}authorize`,
    token_endpoint: `${oauth2}token`,
    response_types_supported: ['code', 'id_token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'tid', 'oid']
  }
}

const server = createServer({ key: tls.private, cert: tls.cert }, (request, response) => {
  fetches.all += 1
  const [path = ''] = (request.url ?? '').split('?') // some peers say who they are in the query
  const document = documentAt(path)
  response.statusCode = document ? 200 : 404
  response.setHeader('content-type', 'application/json')
  response.setHeader('x-ms-request-id', randomUUID())
  response.end(JSON.stringify(document ?? { error: 'not_found' }))
})

process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  process.send?.(fetches)
  if (message === 'reset') fetches = { all: 0, keys: 0 }
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  origin = `https://127.0.0.1:${address.port}`
  const { kid, publicPem, privatePem } = signing
  process.send?.({ origin, tenantId, certificate: tls.cert, kid, publicPem, privatePem })
})
