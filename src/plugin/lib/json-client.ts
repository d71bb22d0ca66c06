/** The only HTTP client: one exchange, bounded in time and size. get-jwks has neither bound. */
import { tracingChannel } from 'node:diagnostics_channel'
import type { Readable } from 'node:stream'
import { type Dispatcher, request } from 'undici'
import { systemClock } from './clock.js'
import { loggedError } from './logged-error.js'
import { parseDetached } from './own.js'
import { createProxies, type InsecureHosts } from './proxies.js'
import { traced } from './traced.js'

/** Far above the size of any discovery document or key set: Entra's are under 20 KB. */
const maxBytes = 1024 * 1024

/** Default of concurrent connections to one origin: without a limit, a thousand tenants that start together would spend their deadline on handshakes. */
const maxConnections = 32

/**
 * GETs a URL and parses its JSON, within a deadline and a size. Rejects on anything but a 200 with JSON.
 *
 * @param purpose what the document is fetched for, as an object of any kind: all that is fetched for it has one deadline together, from the
 * first fetch on. Default: a deadline of its own
 */
export type FetchJson = (url: string, purpose?: object) => Promise<unknown>

/** A response with a status other than 200; redirects are not followed. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError'
  readonly status: number
  /** @param description what the server says of it (`error_description`, RFC 6749 §5.2), if it sends one */
  constructor(status: number, description?: string) {
    super(description === undefined ? `answered ${status}` : `answered ${status}: ${description}`)
    this.status = status
  }
}

/** A request whose response is of interest whatever its status. */
export interface JsonRequest {
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Ends the exchange, which rejects with its reason. */
  readonly signal?: AbortSignal
}

/** A response with any status. */
export interface JsonAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** `undefined` if it is not JSON. */
  readonly body: unknown
}

/** Sends a request and parses the JSON of the response, within a deadline and a size. Rejects if there is no complete response. */
export type ExchangeJson = (url: string, init: JsonRequest) => Promise<JsonAnswer>

/** What `seen` gets of a response. */
export type Seen = (origin: string, headers: JsonAnswer['headers']) => void

/** Sends one request, as undici's `request` does. Redirects are not followed. */
export type SendRequest = (
  url: string,
  init: JsonRequest & { readonly dispatcher: Dispatcher; readonly signal: AbortSignal }
) => Promise<{
  readonly statusCode: number
  readonly headers: JsonAnswer['headers']
  readonly body: Readable
}>

/** A {@link FetchJson} with sockets of its own. */
export interface JsonClient {
  readonly fetchJson: FetchJson
  readonly exchangeJson: ExchangeJson
  /** Aborts pending exchanges and closes the sockets. */
  close(): Promise<void>
}

/**
 * A client for the tenant's documents, and for this API's requests to other services. Proxies are taken from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, certificates
 * from Node's own settings (`NODE_EXTRA_CA_CERTS`).
 *
 * @param timeoutSeconds one deadline, from connect to the last byte; of documents that are fetched for one purpose, to the last one's
 * @param connections to one origin at once
 * @param seen called with the headers of each response
 * @param insecureHosts hosts that must be at a private address, and are called without a proxy
 * @param send in place of sockets, in tests of applications
 * @throws EntraConfigurationError when a proxy's variable cannot be used
 */
export function createJsonClient(
  timeoutSeconds: number,
  connections = maxConnections,
  seen?: Seen,
  insecureHosts?: InsecureHosts,
  send: SendRequest = request
): JsonClient {
  const proxies = createProxies({ keepAliveTimeout: 1000, connections }, process.env, insecureHosts)
  const underWay = new Set<AbortController>()
  const deadlineOf = deadlines(timeoutSeconds)

  const bounded = async (url: string, init: JsonRequest, milliseconds: number, only?: number): Promise<TextAnswer> => {
    // Not AbortSignal.any() over AbortSignal.timeout(): Node 20 collects the timeout as garbage, and the deadline with it.
    const abort = new AbortController()
    if (milliseconds <= 0) throw tookTooLong()
    init.signal?.throwIfAborted()
    const deadline = setTimeout(() => abort.abort(tookTooLong()), milliseconds)
    deadline.unref()
    const given = init.signal
    const giveUp = () => abort.abort(given?.reason)
    given?.addEventListener('abort', giveUp)
    underWay.add(abort)
    try {
      return await traced(fetches, messageOf(url, init), () =>
        unlessAborted(
          abort.signal,
          exchange(
            { url, send, only, seen },
            { ...init, dispatcher: proxies.dispatcherFor(new URL(url)), signal: abort.signal }
          )
        )
      )
    } finally {
      clearTimeout(deadline)
      given?.removeEventListener('abort', giveUp)
      underWay.delete(abort)
    }
  }

  return {
    fetchJson: async (url, purpose) =>
      parseDetached((await bounded(url, { method: 'GET' }, deadlineOf(purpose), 200)).text),
    exchangeJson: async (url, init) => {
      const { text, ...answer } = await bounded(url, init, timeoutSeconds * 1000)
      return { ...answer, body: parsed(text) }
    },
    close() {
      for (const abort of underWay) abort.abort()
      return proxies.destroy()
    }
  }
}

/** Name of the tracing channel (Node: `TracingChannel`) of every request that this library sends. */
export const fetchChannelName = 'fastify-entra.fetch'

/** The members of its messages beside `error`; never a path, a header or a body, as these may name people or contain tokens. */
export interface FetchMessage {
  readonly origin: string
  readonly method: string
}

const fetches = tracingChannel<string, FetchMessage>(fetchChannelName)

const messageOf = (url: string, { method }: JsonRequest) => ({ origin: new URL(url).origin, method })

/** undici honours a signal only once it has a connection: a proxy that never responds, or a network that drops packets, would exceed any deadline. */
async function unlessAborted<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  let giveUp!: () => void
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(signal.reason)
    signal.addEventListener('abort', giveUp)
  })
  try {
    return await Promise.race([answer, aborted])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

const tookTooLong = () => new DOMException('took too long', 'TimeoutError')

/** Milliseconds left for a purpose: its deadline starts with the first document that is fetched for it. */
function deadlines(timeoutSeconds: number): (purpose: object | undefined) => number {
  const ends = new WeakMap<object, number>()
  return (purpose = {}) => {
    const now = systemClock.now()
    const end = ends.get(purpose) ?? now + timeoutSeconds * 1000
    ends.set(purpose, end)
    return end - now
  }
}

type TextAnswer = Omit<JsonAnswer, 'body'> & { readonly text: string }

/** Where a request goes, and what of its response is of interest. */
interface Exchange {
  readonly url: string
  readonly send: SendRequest
  /** The one status whose body is of interest. */
  readonly only: number | undefined
  readonly seen: Seen | undefined
}

async function exchange(
  { url, send, only, seen }: Exchange,
  { headers: own, ...options }: Parameters<SendRequest>[1]
): Promise<TextAnswer> {
  // undici's `request` follows no redirects by itself. `identity`: a compressed body could be a bomb.
  const { statusCode, headers, body } = await send(url, {
    ...options,
    headers: { ...own, accept: 'application/json', 'accept-encoding': 'identity' }
  })
  seen?.(new URL(url).origin, headers)
  try {
    if (only !== undefined && statusCode !== only) throw new HttpStatusError(statusCode, await descriptionIn(body))
    if (!isIdentity(headers['content-encoding'])) throw new Error('answered with a compressed body')
    return { status: statusCode, headers, text: await readText(body) }
  } finally {
    body.on('error', ignore).destroy()
  }
}

/** The first line of Entra's reason, such as `AADSTS90002: Tenant '…' not found.`; none if the body cannot be parsed. */
async function descriptionIn(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const { error_description: said } = Object(parsed((await readText(body).catch(ignore)) ?? ''))
  const [line = ''] = typeof said === 'string' ? said.split(/[\r\n]/) : []
  return line === '' ? undefined : line.slice(0, 200)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes) throw new Error(`answered with more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8').replace(byteOrderMark, '')
}

/** RFC 8259 §8.1: a parser may ignore it. */
const byteOrderMark = /^\ufeff/

/** RFC 9110 §8.4.1, §12.5.3: `identity` is no coding, and some servers name it all the same. */
function isIdentity(encoding: string | string[] | undefined): boolean {
  return [encoding ?? ''].flat().every((each) => /^[ \t,]*(identity[ \t,]*)*$/i.test(each))
}

/** The body is abandoned on purpose, so its early end is not an error. */
function ignore(): undefined {}

/** undici wraps errors; the innermost message is the cause. For logs, see {@link loggedError}. */
export function reasonOf(error: unknown): string {
  let innermost = loggedError(error)
  while (innermost.cause) innermost = innermost.cause
  return innermost.message || String(innermost.code)
}
