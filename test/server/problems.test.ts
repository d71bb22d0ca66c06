import { connect, createServer } from 'node:net'
import { Writable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import { answerClientError, ServerProblem, setProblemHandlers } from '../../src/server/problems.js'
import { reasonOf } from '../../src/server/redis/redis.js'

const token = ['{"alg":"RS256"}', '{"never":"sent to an API"}', 'a signature of many bytes'.repeat(4)]
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.')

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

t.test('why another service failed is logged without a token', async (t) => {
  const lines: string[] = []
  const stream = new Writable({ write: (line, _encoding, done) => done(void lines.push(String(line))) })
  const app = Fastify({ logger: { stream } })
  t.teardown(() => app.close())
  setProblemHandlers(app)
  app.get('/', () => {
    const cause = `answered 401 {"code":"InvalidAuthenticationToken","message":"${token}"}`
    throw Object.assign(new ServerProblem(503, 'graph_unavailable', 'Try again later.'), { cause })
  })
  t.equal((await app.inject('/')).statusCode, 503)
  t.match(lines.join(''), 'answered 401')
  t.match(lines.join(''), '[masked]')
  t.notMatch(lines.join(''), token.slice(-8))
  t.equal(reasonOf(new Error(`ERR ${token}`)), 'ERR [masked]', 'Redis')
})
