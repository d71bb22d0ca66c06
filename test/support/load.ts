/** Clients that send one request after another, and what became of every request. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a client does. */
export interface Caller {
  readonly url: string
  readonly token: string
  /** Milliseconds between a response and the next request; default: none. */
  readonly pause?: () => number
  /** For a client that opens a connection for each request: whether its load balancer sends them elsewhere. */
  readonly isElsewhere?: () => boolean
}

/** After so many responses a client is part of the load. */
const warmResponses = 20

/** What became of requests. */
export class Tally {
  answered = 0
  /** Clients that got {@link warmResponses}. */
  warm = 0
  /** Responses other than 200, by status. */
  readonly others: number[] = []
  /** Requests that were sent, or half sent, and got no complete response: the errors. */
  readonly lost: string[] = []
}

/**
 * Sends requests on one connection until a response says `Connection: close` (RFC 9112 §9.6), or the connection ends while no request is
 * open; or on a connection for each. A request for which the connection cannot be opened was never sent.
 */
export async function call({ url, token, pause, isElsewhere }: Caller, tally: Tally): Promise<void> {
  const agent = new Agent({ keepAlive: !isElsewhere, maxSockets: 1 })
  let own = 0
  try {
    while (!isElsewhere?.()) {
      const response = await complete(url, token, agent).catch((error: NodeJS.ErrnoException) => error)
      if (response instanceof Error) {
        if (response.code !== 'ECONNREFUSED') tally.lost.push(String(response.code ?? response.message))
        return
      }
      own += 1
      if (own === warmResponses) tally.warm += 1
      if (response.statusCode === 200) tally.answered += 1
      else tally.others.push(Number(response.statusCode))
      if (response.headers.connection === 'close' && !isElsewhere) return
      if (pause) await sleep(pause())
    }
  } finally {
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
