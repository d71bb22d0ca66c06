/** @fastify/jwt with get-jwks, as the README of get-jwks shows it; only this issuer's keys, and none that a token names. */
import jwt from '@fastify/jwt'
import buildGetJwks from 'get-jwks'
import { serveFastify } from './on-fastify.js'

await serveFastify(async (app, { issuer, clientId }) => {
  const getJwks = buildGetJwks({ providerDiscovery: true, issuersWhitelist: [issuer] })
  await app.register(jwt, {
    decode: { complete: true },
    verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: clientId },
    secret: (_request, { header: { kid, alg } }, callback) => {
      getJwks.getPublicKey({ kid, alg, domain: issuer }).then(
        (key) => callback(null, key),
        (error) => callback(error, undefined)
      )
    }
  })
  app.addHook('onRequest', async (request) => {
    await request.jwtVerify()
  })
})
