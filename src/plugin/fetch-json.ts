/** Stage 2's only way out: one GET, bounded in time and size. Closes the holes of get-jwks, which has neither bound. */
import { EnvHttpProxyAgent, request } from 'undici'
import type { FetchJson } from './types.js'

/** No discovery document or key set comes near this: Entra's are under 20 KB. */
const maxBytes = 1024 * 1024

/** To one origin at once: a thousand tenants that start together would spend their deadline on handshakes. */
const maxConnections = 32

/** An answer that is no 200. Redirects are one: a key set is where the document says, or nowhere. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError'
  readonly status: number
  constructor(status: number) {
    super(`answered ${status}`)
    this.status = status
  }
}

/** A {@link FetchJson} with sockets of its own. */
export interface JsonClient {
  readonly fetchJson: FetchJson
  /** Ends what is under way and closes the sockets. */
  close(): Promise<void>
}

/**
 * A client for the tenant's documents. Proxies are taken from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, certificates
 * from Node's own settings (`NODE_EXTRA_CA_CERTS`).
 *
 * @param timeoutSeconds one deadline, from connect to the last byte
 */
export function createJsonClient(timeoutSeconds: number): JsonClient {
  const dispatcher = new EnvHttpProxyAgent({ keepAliveTimeout: 1000, connections: maxConnections })
  const underWay = new Set<AbortController>()

  const fetchJson: FetchJson = async (url) => {
    // Not AbortSignal.any() over AbortSignal.timeout(): Node 20 collects the timeout as garbage, and the deadline with it.
    const abort = new AbortController()
    const deadline = setTimeout(
      () => abort.abort(new DOMException('took too long', 'TimeoutError')),
      timeoutSeconds * 1000
    )
    deadline.unref()
    underWay.add(abort)
    try {
      return await getJson(url, { dispatcher, signal: abort.signal })
    } finally {
      clearTimeout(deadline)
      underWay.delete(abort)
    }
  }

  return {
    fetchJson,
    close() {
      for (const abort of underWay) abort.abort()
      return dispatcher.destroy()
    }
  }
}

async function getJson(url: string, options: { dispatcher: EnvHttpProxyAgent; signal: AbortSignal }): Promise<unknown> {
  // undici's `request` follows no redirects by itself. `identity`: a compressed body could be a bomb.
  const { statusCode, headers, body } = await request(url, {
    ...options,
    headers: { accept: 'application/json', 'accept-encoding': 'identity' }
  })
  try {
    if (statusCode !== 200) throw new HttpStatusError(statusCode)
    if (headers['content-encoding'] !== undefined) throw new Error('answered with a compressed body')
    return JSON.parse(await readText(body))
  } finally {
    body.on('error', ignore).destroy()
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
  return Buffer.concat(chunks).toString('utf8')
}

/** The body is given up on purpose; that it then ends early is no news. */
function ignore(): void {}

/** undici wraps what went wrong; the innermost message says it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message || String((error as { code?: unknown }).code) : reasonOf(error.cause)
}
