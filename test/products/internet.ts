/**
 * The part of the Internet that a product is: https under the product's own names, by a certificate of a throw-away authority,
 * behind a proxy that leads these names to this machine and no name anywhere else.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { within } from '../faults/waits.js'
import type { Keys } from './keys.js'
import type { Json, Product } from './shapes.js'

/** A certificate, its key, and the file of the authority that vouches for it. */
export interface Certificate {
  readonly key: Buffer
  readonly cert: Buffer
  readonly authorityFile: string
}

/** Hosts that have a document or a key set. */
export function hostsOf({ documents, keySets }: Product): string[] {
  return [...new Set(Object.keys({ ...documents, ...keySets }).map((url) => new URL(url).hostname))]
}

/** One certificate for all names. The files go with the test. */
export async function makeCertificate(t: Test, hosts: readonly string[]): Promise<Certificate> {
  const directory = mkdtempSync(join(tmpdir(), 'products-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const at = (name: string) => join(directory, name)
  // Not by execFileSync(): this process serves while programs run.
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { timeout: 30_000 })
  const fresh = ['-newkey', 'rsa:2048', '-nodes']
  const [ca, caKey, extensions] = [at('ca.pem'), at('ca-key.pem'), at('extensions')]
  const [key, asked, cert] = [at('key.pem'), at('request.pem'), at('cert.pem')]
  writeFileSync(extensions, `subjectAltName=${hosts.map((host) => `DNS:${host}`).join()}\n`)
  await openssl('req', '-x509', ...fresh, '-days', '2', '-subj', '/CN=Throw-away CA', '-keyout', caKey, '-out', ca)
  await openssl('req', ...fresh, '-subj', '/CN=products', '-keyout', key, '-out', asked)
  const signed = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '1', '-extfile', extensions]
  await openssl('x509', '-req', '-in', asked, ...signed, '-out', cert)
  return { key: readFileSync(key), cert: readFileSync(cert), authorityFile: ca }
}

/** A product that can be asked. */
export interface Internet {
  /** What a process needs to find it, and nothing else. */
  readonly env: Readonly<Record<string, string>>
  /** URLs that were asked for. */
  readonly asked: readonly string[]
  /** `host:port` that the proxy led nowhere. */
  readonly lost: readonly string[]
}

/** Publishes a product until the test ends. */
export async function publish(t: Test, product: Product, keys: Keys, certificate: Certificate): Promise<Internet> {
  const asked: string[] = []
  const lost: string[] = []
  const published = documentsOf(product, keys)
  const secure = createSecureServer(certificate, ({ headers, url }, response) => {
    const address = `https://${headers.host}${url}`
    asked.push(address)
    const document = published.get(address)
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json; charset=utf-8' })
    response.end(JSON.stringify(document ?? { error: 'not_found' }))
  })
  const securePort = await serve(t, secure)
  const names = new Set(hostsOf(product).map((host) => `${host}:443`))
  const proxy = createServer()
  proxy.on('connect', ({ url = '' }, socket: Socket) => {
    socket.on('error', () => {})
    if (names.has(url)) return tunnel(socket, securePort)
    lost.push(url)
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  const url = `http://127.0.0.1:${await serve(t, proxy)}`
  const proxies = { HTTPS_PROXY: url, https_proxy: url, HTTP_PROXY: url, http_proxy: url, NO_PROXY: '', no_proxy: '' }
  return { env: { ...proxies, NODE_EXTRA_CA_CERTS: certificate.authorityFile }, asked, lost }
}

function documentsOf({ documents, keySets }: Product, keys: Keys): ReadonlyMap<string, Json> {
  const sets = Object.entries(keySets).map(([url, entries]) => [url, keys.published(entries)] as const)
  return new Map([...Object.entries(documents), ...sets])
}

/** RFC 9110 §9.3.6. */
function tunnel(socket: Socket, port: number): void {
  const onward = connect(port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    onward.pipe(socket).pipe(onward)
  })
  onward.on('error', () => socket.destroy())
  socket.on('close', () => onward.destroy())
}

/** Listens until the test ends, whatever is still connected then. */
async function serve(t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await within('a product to listen', once(server, 'listening'))
  t.teardown(() => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    return within('a product to close', closed)
  })
  return (server.address() as AddressInfo).port
}
