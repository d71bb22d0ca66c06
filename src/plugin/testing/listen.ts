/** The documents and the token endpoint over HTTP, for an API in another process. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Network } from './network.js'

/** Listens on a free port of loopback. It does not keep the process alive. */
export async function serve(network: Network): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (network.isDown) request.socket.destroy()
    else
      answer(network, request, originOf(server)).then(
        ({ status = 200, body = {} }) =>
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        () => response.writeHead(500).end()
      )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return {
    origin: originOf(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const originOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

async function answer(network: Network, request: IncomingMessage, origin: string) {
  const { method = '', url = '', headers } = request
  const sent = Object.entries(headers).map(([name, value]) => [name, String(value)])
  return network.exchange({
    method,
    url: new URL(url, origin),
    headers: Object.fromEntries(sent),
    body: await text(request)
  })
}
