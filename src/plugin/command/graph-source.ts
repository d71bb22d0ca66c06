/** Microsoft Graph, as the commands read it: one request at a time, to read a registration. */
import type { TokenForApp } from '../fastify/decorators.js'
import { createJsonClient, type ExchangeJson } from '../lib/json-client.js'
import type { RegistrationSource } from '../manifest/registration.js'

const timeoutSeconds = 10

/** Graph answered, and refuses. */
export class GraphRefusal extends Error {
  readonly detail: string
  readonly status: number

  constructor(detail: string, status: number) {
    super(`${detail}; it answered ${status}`)
    this.detail = detail
    this.status = status
  }
}

/** Where a registration is read, and with what. */
export interface Reader {
  /** Origin of Microsoft Graph. */
  readonly graphUrl: string
  readonly token: string
  readonly exchangeJson: ExchangeJson
}

/** Graph with a token. It throws a {@link GraphRefusal} where Graph refuses. */
export function graphBy({ graphUrl, token, exchangeJson }: Reader): RegistrationSource {
  return {
    async get(path, { detail }) {
      const headers = { authorization: `Bearer ${token}` }
      const { status, body } = await exchangeJson(graphUrl + path, { method: 'GET', headers })
      if (status === 200) return Object(body)
      throw new GraphRefusal(detail, status)
    }
  }
}

/** Graph with the app's own credential. */
export function graphOf(tokenForApp: TokenForApp, graphUrl: string): RegistrationSource {
  return {
    async get(path, refused) {
      const { exchangeJson, close } = createJsonClient(timeoutSeconds)
      try {
        const token = await tokenForApp(`${graphUrl}/.default`)
        return await graphBy({ graphUrl, token, exchangeJson }).get(path, refused)
      } finally {
        await close()
      }
    }
  }
}
