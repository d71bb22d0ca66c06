import { connect, createServer } from 'node:net'
import t from 'tap'
import { answerClientError } from '../../src/server/problems.js'

t.test('a client that is gone is not answered', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const socket = connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.destroy()
  answerClientError(Object.assign(new Error('reset'), { code: 'ECONNRESET' }), socket)
  await new Promise((resolve) => socket.once('close', resolve))
  t.equal(socket.bytesWritten, 0)
})
