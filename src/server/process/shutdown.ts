/** Ends the server without losing a request: first its readiness, then the port, then each connection after a response. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'

/**
 * Milliseconds for which a connection without a request stays open once the port is closed. Clients that use it send one more request in that
 * time, and learn from its response that the connection ends. nginx has `keepalive_min_timeout` for the same purpose.
 */
const idleMs = 1000

/** The shutdown of one server, and its connections until then. */
export class Shutdown {
  readonly #server: Server
  readonly #connections = new Set<Socket>()
  /** Requests of a connection whose response is not complete. */
  readonly #open = new WeakMap<Socket, number>()
  #isLeaving = false
  #isDraining = false
  #accepted = 0

  /** @param server the server, before it listens */
  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#accepted += 1
      this.#connections.add(socket)
      socket.once('close', () => this.#connections.delete(socket))
    })
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#count(socket, 1)
      response.once('close', () => this.#count(socket, -1))
    })
  }

  /** Whether the instance should get no more traffic, though it still answers all that arrives. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** Whether each response should say that its connection ends. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /**
   * Closes the port and ends all connections: each after the response to its next request, or, if there is none for a second, as it is. A
   * request that is being received or answered is never cut off, so the caller needs a deadline.
   *
   * @param delayMs milliseconds to answer as before, while load balancers learn from `isLeaving` that the instance ends
   */
  async run(delayMs: number): Promise<void> {
    this.#isLeaving = true
    await setTimeout(delayMs, undefined, { ref: false })
    this.#isDraining = true
    await this.#acceptWaiting()
    // Not that of `http.Server`, which also closes connections whose next request has arrived, and is not read yet.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(this.#server, () => resolve()))
    while (this.#connections.size > 0) {
      const before = new Map([...this.#connections].map((socket) => [socket, socket.bytesRead]))
      await Promise.race([closed, setTimeout(idleMs, undefined, { ref: false })])
      await setImmediate() // after all that has arrived is read
      for (const [socket, bytes] of before) {
        if (!this.#open.get(socket) && socket.bytesRead === bytes) socket.destroy()
      }
    }
    await closed
  }

  /**
   * Connections that wait when the port is closed would be reset, with the requests that their clients have sent. Each turn of the event loop
   * accepts one (libuv: `uv__server_io`), so that of 200 that were opened together many wait. For a second at most, as more may come.
   */
  async #acceptWaiting(): Promise<void> {
    const until = performance.now() + idleMs
    let before: number
    do {
      before = this.#accepted
      await setImmediate()
    } while (this.#accepted > before && performance.now() < until)
  }

  #count(socket: Socket, by: 1 | -1): void {
    this.#open.set(socket, (this.#open.get(socket) ?? 0) + by)
  }
}
