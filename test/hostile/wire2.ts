/**
 * HTTP/2 to one server (RFC 9113), with header lists as they are given: Node's own client would refuse a second `authorization`, an odd name
 * and a control byte. It speaks all else; each of its header blocks is replaced on its way out by literals without an index (RFC 7541 §6.2.2).
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders
} from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Answer } from './wire.js'

export type Fields = readonly (readonly [name: string, value: string])[]

export interface Http2Request {
  readonly fields: Fields
  readonly body: string
  readonly trailers?: Fields
}

/** Of an answer that is none: the stream was reset, or its connection closed. */
export const reset = 0

const patienceMs = 10_000
const frameHeaderBytes = 9
/** RFC 9113 §4.2: no frame is longer unless the other side said so. */
const maxFrameBytes = 16_384
const headersFrame = 1
const continuationFrame = 9
const endHeaders = 4
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** An integer with a prefix of 7 bits (RFC 7541 §5.1), the first bit 0: no Huffman code. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  let rest = value - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

const literal = (text: string) => Buffer.concat([integer(text.length), Buffer.from(text, 'latin1')])
const blockOf = (fields: Fields) =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]))

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(frameHeaderBytes)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

/** The block in as many frames as it takes (RFC 9113 §6.10). */
function headerFrames(flags: number, streamId: number, fields: Fields): Buffer {
  const block = blockOf(fields)
  const count = Math.max(1, Math.ceil(block.length / maxFrameBytes))
  const frames = Array.from({ length: count }, (_, at) => {
    const part = block.subarray(at * maxFrameBytes, (at + 1) * maxFrameBytes)
    const end = at === count - 1 ? endHeaders : 0
    return at === 0
      ? frame(headersFrame, (flags & ~endHeaders) | end, streamId, part)
      : frame(continuationFrame, end, streamId, part)
  })
  return Buffer.concat(frames)
}

/** The way to the server. `next` gives the fields of each header block that the client sends, in their order. */
function wire(port: number, next: () => Fields): Duplex {
  const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true })
  let pending = Buffer.alloc(0)
  let isOpen = false
  const replaced = (): Buffer[] => {
    const out: Buffer[] = []
    if (!isOpen && pending.length >= preface.length) {
      out.push(pending.subarray(0, preface.length))
      pending = pending.subarray(preface.length)
      isOpen = true
    }
    while (isOpen && pending.length >= frameHeaderBytes) {
      const end = frameHeaderBytes + pending.readUIntBE(0, 3)
      if (pending.length < end) break
      const isHeaders = pending[3] === headersFrame
      out.push(isHeaders ? headerFrames(Number(pending[4]), pending.readUInt32BE(5), next()) : pending.subarray(0, end))
      pending = pending.subarray(end)
    }
    return out
  }
  const duplex = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      pending = Buffer.concat([pending, chunk])
      socket.write(Buffer.concat(replaced()), () => done())
    },
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    }
  })
  socket
    .on('data', (chunk) => void (duplex.push(chunk) || socket.pause()))
    .on('end', () => duplex.push(null))
    .on('error', () => duplex.destroy())
    .on('close', () => duplex.destroy())
  return duplex
}

/** Sends requests on one connection, all at once, and resolves to what came back. Only one that is alone may have trailers. */
export async function exchange2(port: number, requests: readonly Http2Request[]): Promise<Answer[]> {
  const blocks = requests.flatMap(({ fields, trailers }) => (trailers ? [fields, trailers] : [fields]))
  const session = connect('http://127.0.0.1', { createConnection: () => wire(port, () => blocks.shift() ?? []) })
  session.on('error', () => {})
  try {
    return await Promise.all(requests.map((request) => answerTo(session, request)))
  } finally {
    session.destroy()
  }
}

function answerTo(session: ClientHttp2Session, { fields, body, trailers }: Http2Request): Promise<Answer> {
  const method = fields.find(([name]) => name === ':method')?.[1] === 'HEAD' ? 'HEAD' : 'POST'
  return new Promise((resolve, reject) => {
    const endStream = body === '' && !trailers
    const placeholder: OutgoingHttpHeaders = { ':method': method, ':path': '/' }
    const stream: ClientHttp2Stream = session.request(placeholder, {
      endStream,
      waitForTrailers: trailers !== undefined
    })
    const timer = setTimeout(() => reject(new Error(`no answer within ${patienceMs} ms`)), patienceMs)
    const headers = new Headers()
    let [status, received] = [reset, '']
    stream
      .on('wantTrailers', () => stream.sendTrailers({ placeholder: '' }))
      .on('response', (fields) => {
        status = Number(fields[constants.HTTP2_HEADER_STATUS])
        for (const [name, value] of Object.entries(fields))
          if (!name.startsWith(':')) headers.append(name, String(value))
      })
      .on('data', (chunk) => {
        received += String(chunk)
      })
      .on('error', () => {}) // a stream that is reset: there is no answer, or what came before it counts
      .on('close', () => {
        clearTimeout(timer)
        const text = `${[...headers].map((field) => field.join(': ')).join('\r\n')}\r\n\r\n${received}`
        resolve({ status, headers, body: received, text })
      })
    if (!endStream) stream.end(body, 'latin1')
  })
}
