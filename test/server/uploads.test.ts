/** Refused uploads: the client can read its refusal, and cannot send without end (RFC 9112 §9.6). */
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { startServer } from '../support/server.js'

const env = {
  ENTRA_TENANT_ID: '11111111-2222-4333-8444-555555555555',
  ENTRA_CLIENT_ID: '66666666-7777-4888-8999-aaaaaaaaaaaa'
}
const megabyte = Buffer.alloc(1024 * 1024)

/** The status line for a client that sends its whole body before it reads, as many do, or why there is none. */
async function upload(port: number, megabytes: number, ...more: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('utf8').pause()
  const failed = new Promise<string>((resolve) => socket.on('error', ({ message }) => resolve(message)))
  const fields = [
    'Host: x',
    'Content-Type: application/json',
    `Content-Length: ${megabytes * megabyte.length}`,
    ...more
  ]
  socket.write(['POST /protected HTTP/1.1', ...fields, '', ''].join('\r\n'))
  const sendAll = async () => {
    for (let sent = 0; sent < megabytes; sent += 1) await new Promise((resolve) => socket.write(megabyte, resolve))
    const [part] = (await once(socket.resume(), 'data')) as [string]
    return part.slice(0, part.indexOf('\r\n'))
  }
  const answer = await Promise.race([sendAll(), failed])
  socket.destroy()
  return answer
}

t.test('20 of 20 clients that upload 10 MB read their 401', async (t) => {
  const app = await startServer(t, { ...env, ENTRA_AUTHORITY: 'http://127.0.0.1:9' })
  const { port } = app.server.address() as AddressInfo
  const answers = await Promise.all(Array.from({ length: 20 }, () => upload(port, 10)))
  t.same(new Set(answers), new Set(['HTTP/1.1 401 Unauthorized']))
})

t.test('the connection is kept, or closed once the body is read if the client wants that', async (t) => {
  const app = await startServer(t, { ...env, ENTRA_AUTHORITY: 'http://127.0.0.1:9' })
  const { port } = app.server.address() as AddressInfo
  t.equal(await upload(port, 10, 'Connection: close'), 'HTTP/1.1 401 Unauthorized')
  const length = 3 * megabyte.length
  for (const connection of ['close', 'keep-alive']) {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.setEncoding('utf8').on('data', (part) => {
      received += part
    })
    const fields = `Host: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: ${connection}`
    socket.write(`POST /protected HTTP/1.1\r\n${fields}\r\n\r\n`)
    await once(socket, 'data')
    socket.write(Buffer.alloc(length))
    if (connection === 'keep-alive') socket.write('GET /unprotected HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await once(socket, 'close')
    const statuses = received.match(/HTTP\/1\.1 \d+/g)
    t.same(statuses, connection === 'close' ? ['HTTP/1.1 401'] : ['HTTP/1.1 401', 'HTTP/1.1 200'], connection)
  }
})

t.test('a client that sends without end is cut off', async (t) => {
  const app = await startServer(t, { ...env, ENTRA_AUTHORITY: 'http://127.0.0.1:9' })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(
    'POST /protected HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
  )
  let [sent, received, isClosed] = [0, '', false]
  socket.setEncoding('utf8').on('data', (part) => {
    received += part
  })
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      isClosed = true
      resolve()
    })
  })
  while (!isClosed && sent < 200) {
    socket.write(`${megabyte.length.toString(16)}\r\n`)
    socket.write(megabyte)
    if (!socket.write('\r\n')) await Promise.race([once(socket, 'drain').catch(() => closed), closed])
    sent += 1
  }
  t.ok(sent < 100, `${sent} MB`)
  t.match(received, /^HTTP\/1\.1 401 /)
})

t.test(
  'a client that closes after its request reads the response: without a body, or with one in the same packet',
  async (t) => {
    const app = await startServer(t, { ...env, ENTRA_AUTHORITY: 'http://127.0.0.1:9' })
    const { port } = app.server.address() as AddressInfo
    const heads: [status: number, head: string, body?: string][] = [
      [200, 'HEAD /unprotected HTTP/1.1'],
      [200, 'GET /unprotected HTTP/1.1'],
      [200, 'GET /unprotected HTTP/1.1\r\nContent-Length: 1', 'x'],
      [401, 'POST /protected HTTP/1.1\r\nContent-Length: 2\r\nContent-Type: application/json', '{}'],
      [401, 'POST /protected HTTP/1.1\r\nTransfer-Encoding: chunked', '1\r\nx\r\n0\r\n\r\n']
    ]
    for (const [status, head, body = ''] of heads) {
      const socket = connect(port, '127.0.0.1')
      let received = ''
      socket.setEncoding('utf8').on('data', (part) => {
        received += part
      })
      socket.write(`${head}\r\nHost: x\r\nConnection: close\r\n\r\n${body}`)
      await once(socket, 'close')
      t.equal(received.slice(0, 12), `HTTP/1.1 ${status}`, head)
      t.equal(received.includes('"requestId"') || received.includes('Anyone'), !head.startsWith('HEAD'), head)
    }
  }
)
