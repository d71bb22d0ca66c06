/** The network of a test tenant, in the process: its documents, its token endpoint, and what a test answers for other services. */
import { Readable } from 'node:stream'
import type { SendRequest } from '../lib/json-client.js'
import type { Answer, Answerer, SentRequest } from './exchange.js'
import type { Shape } from './shapes/shape.js'
import type { SigningKeys } from './signing-keys.js'
import { answerTokenRequest, type OnTokenRequest } from './token-endpoint.js'

/** The state that tests change. */
export class Network {
  readonly #shape: Shape
  readonly #keys: SigningKeys
  readonly #others = new Map<string, Answerer>()
  isDown = false
  onTokenRequest: OnTokenRequest | undefined

  constructor(shape: Shape, keys: SigningKeys) {
    this.#shape = shape
    this.#keys = keys
  }

  /** From now on requests to this origin get these answers. */
  answer(origin: string, answerer: Answerer): void {
    this.#others.set(new URL(origin).origin, answerer)
  }

  knows(url: string): boolean {
    const { origin, pathname } = new URL(url)
    return this.#others.has(origin) || this.#isOwn(origin, pathname)
  }

  /** As undici's `request` does. */
  readonly send: SendRequest = async (url, { method, headers = {}, body = '' }) => {
    if (this.isDown) throw new Error('the test tenant is down')
    const answer = await this.exchange({ method, url: new URL(url), headers, body })
    const text = JSON.stringify(answer.body ?? {})
    return {
      statusCode: answer.status ?? 200,
      headers: { 'content-type': 'application/json', ...answer.headers },
      body: Readable.from([Buffer.from(text)])
    }
  }

  /** The answer to a request. @throws Error for an address that nobody answers */
  async exchange(request: SentRequest): Promise<Answer> {
    const { origin, pathname } = request.url
    const answerer = this.#others.get(origin)
    if (answerer) return answerer(request)
    if (origin !== this.#shape.origin())
      throw new Error(`no test tenant answers for ${origin}; give answers with tenant.answer('${origin}', …)`)
    if (isTokenEndpoint(pathname)) return answerTokenRequest(request, this.onTokenRequest)
    const document = this.#shape.document(pathname, this.#keys)
    return document ? { body: document } : { status: 404 }
  }

  #isOwn(origin: string, path: string): boolean {
    if (origin !== this.#shape.origin()) return false
    return isTokenEndpoint(path) || this.#shape.document(path, this.#keys) !== undefined
  }
}

/** Microsoft: "on-behalf-of flow". Other providers have no such flow here. */
const isTokenEndpoint = (path: string) => path.endsWith('/oauth2/v2.0/token')
