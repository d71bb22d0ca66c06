/** A raw socket: what is sent is what arrives, and what comes back is read as HTTP/1.1 has it (RFC 9112). */
import { connect } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  /** All of it, as it came. */
  readonly text: string
}

const patienceMs = 5000

/** Sends bytes (one character each) and resolves to all that came back once the connection is closed. */
export function exchange(port: number, bytes: string, patience = patienceMs): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(bytes, 'latin1'))
    const timer = setTimeout(() => {
      reject(new Error(`no end of the answer within ${patience} ms`))
      socket.destroy()
    }, patience)
    socket.setEncoding('latin1')
    socket
      .on('data', (chunk) => {
        received += String(chunk)
      })
      // A server that refuses a request unread resets the connection: what it said before that counts.
      .on('error', (error) => (received === '' ? reject(error) : undefined))
      .on('close', () => {
        clearTimeout(timer)
        resolve(received)
      })
  })
}

/** The answers on one connection, in their order. */
export function answersIn(text: string, method = 'GET'): Answer[] {
  const answers: Answer[] = []
  for (let rest = text; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) throw new Error('an answer without an end of its headers')
    const [statusLine = '', ...fields] = rest.slice(0, end).split('\r\n')
    const headers = new Headers()
    for (const field of fields) headers.append(field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1))
    const length = method === 'HEAD' ? 0 : Number(headers.get('content-length') ?? 0)
    const body = rest.slice(end + 4, end + 4 + length)
    answers.push({ status: Number(statusLine.split(' ')[1]), headers, body, text: rest.slice(0, end + 4 + length) })
    rest = rest.slice(end + 4 + length)
  }
  return answers
}
