/** Microsoft Graph, with the app's own credential: one request, to read the app's registration. */
import type { TokenForApp } from '../fastify/decorators.js'
import { createJsonClient } from '../lib/json-client.js'
import type { RegistrationSource } from '../manifest/registration.js'

const timeoutSeconds = 10

/** @param url origin of Microsoft Graph */
export function graphOf(tokenForApp: TokenForApp, url: string): RegistrationSource {
  return {
    async get(path, refused) {
      const client = createJsonClient(timeoutSeconds)
      try {
        const headers = { authorization: `Bearer ${await tokenForApp(`${url}/.default`)}` }
        const { status, body } = await client.exchangeJson(url + path, { method: 'GET', headers })
        if (status === 200) return Object(body)
        throw new Error(`${refused.detail}; it answered ${status}`)
      } finally {
        await client.close()
      }
    }
  }
}
