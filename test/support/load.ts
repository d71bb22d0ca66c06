/** Clients that keep one connection each and send one request after another, and what became of every request. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a client does. */
export interface Caller {
  readonly url: string
  readonly token: string
  /** Milliseconds between a response and the next request; default: none. */
  readonly pause?: () => number
}

/** What became of requests. */
export class Tally {
  answered = 0
  /** Responses other than 200, by status. */
  readonly others: number[] = []
  /** Requests that were sent, or half sent, and got no complete response: the errors. */
  readonly lost: string[] = []
  /** Clients whose connection ended: after a response that announced it, or while no request was open. */
  ended = 0
}

/**
 * Sends requests on one connection until the server ends it: by `Connection: close` (RFC 9112 §9.6), or while no request is open. A request
 * for which the connection cannot be opened was never sent.
 */
export async function call({ url, token, pause }: Caller, tally: Tally): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    for (;;) {
      const response = await complete(url, token, agent).catch((error: NodeJS.ErrnoException) => error)
      if (response instanceof Error) {
        if (response.code !== 'ECONNREFUSED') tally.lost.push(String(response.code ?? response.message))
        return
      }
      if (response.statusCode === 200) tally.answered += 1
      else tally.others.push(Number(response.statusCode))
      if (response.headers.connection === 'close') return
      if (pause) await sleep(pause())
    }
  } finally {
    tally.ended += 1
    agent.destroy()
  }
}

/** Resolves once the last byte of the body was received; `complete` is false where the connection ended before. */
function complete(url: string, token: string, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.on('error', reject)
      response.on('end', () => (response.complete ? resolve(response) : reject(new Error('half a response'))))
      response.resume()
    })
    sent.on('error', reject).end()
  })
}
