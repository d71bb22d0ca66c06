/**
 * A new process up to its first verified token: how long a caller waits for a function that starts cold. `kind` says by whose code; with `keys`
 * the tenant is not needed. Says how long it took since the process began.
 */
const { kind, token, keys, ...settings } = JSON.parse(String(process.env.BENCH_SETTINGS)).options
const { tenantId, clientId, origin: authority, issuer, jwksUri } = settings
const options = { tenantId, clientId, authority, ...(keys && { preloadedKeys: () => keys }) }

/** @type {Record<string, () => Promise<unknown>>} */
const kinds = {
  node: async () => {},
  async plugin() {
    const { default: Fastify } = await import('fastify')
    const { default: entra } = await import('../../dist/plugin/index.js')
    const app = Fastify()
    await app.register(entra, options)
    app.get('/', async ({ principal }) => principal.id)
    const { statusCode } = await app.inject({ url: '/', headers: { authorization: `Bearer ${token}` } })
    if (statusCode !== 200) throw new Error(`the app answered ${statusCode}`)
  },
  async verifier() {
    const { createVerifier } = await import('../../dist/plugin/verifier-index.js')
    await createVerifier(options).verify({ scheme: 'Bearer', token })
  },
  async jose() {
    const { createRemoteJWKSet, jwtVerify } = await import('jose')
    const remote = createRemoteJWKSet(new URL(jwksUri))
    await jwtVerify(token, remote, { issuer, audience: clientId, algorithms: ['RS256'] })
  },
  async 'aws-jwt-verify'() {
    const { JwtVerifier } = await import('aws-jwt-verify')
    await JwtVerifier.create({ issuer, jwksUri }).verify(token, { audience: clientId })
  },
  /** What a build writes, for the others. */
  async save() {
    const { createVerifier } = await import('../../dist/plugin/verifier-index.js')
    const sets = await new Promise((resolve) => {
      void createVerifier({ ...options, saveKeys: resolve }).ready()
    })
    process.send?.({ port: 0, startMs: 0, sets })
  }
}

process.on('disconnect', () => process.exit())
try {
  await kinds[kind]?.()
  process.send?.({ port: 0, startMs: performance.now() })
} catch (error) {
  process.send?.({ failed: String(error) })
}
