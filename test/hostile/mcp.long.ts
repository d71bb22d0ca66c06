/**
 * examples/mcp under attack: the corpus, as calls of a tool, and clients that hang up at every moment. What is refused runs no tool and sends
 * nothing to Microsoft Graph; each refusal says where the metadata is; after each request a good one still gets its answer.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import type { FastifyServerOptions } from 'fastify'
import t from 'tap'
import { buildServer } from '../../examples/mcp/src/server.js'
import type { Settings } from '../../examples/mcp/src/settings.js'
import * as problems from '../../src/server/problems.js'
import { loggerOptions } from '../../src/server/process/logging.js'
import { until, within } from '../faults/waits.js'
import { type Granter, granted, secret, serveTokens } from '../support/token-endpoint.js'
import { type Converse, judge, logFailures, type Outcome } from './judge.js'
import { nameOf, type Row, request } from './row.js'
import { tables } from './tables.js'
import { answersIn, exchange } from './wire.js'
import { callerId, clientId, otherClientId, rolelessId, startWorld, tenantId } from './world.js'

const rejections: unknown[] = []
process.on('unhandledRejection', (reason) => void rejections.push(reason))

const world = await startWorld()
t.teardown(() => world.close())

/** The tokens of callers whose tool may run: those who left may have theirs run later, while the next caller is refused. */
const good = new Set<string>()
function goodToken(claims?: Parameters<typeof world.token>[0]): string {
  const token = world.token(claims)
  good.add(token)
  return token
}
const grant: Granter = (form) => granted(good.has(form.get('assertion') ?? '') ? 'for-a-good-caller' : 'for-another')
const tokens = serveTokens(world.tenant, grant)

/** Microsoft Graph: what came for callers that are refused, and the responses that it has not sent. */
const graph = { wrongHits: 0, hangs: false, held: new Set<ServerResponse>() }
const graphServer = createServer((request, response) => {
  if (request.headers.authorization !== 'Bearer for-a-good-caller') graph.wrongHits += 1
  if (!graph.hangs) return response.setHeader('content-type', 'application/json').end('{"displayName":"A User"}')
  graph.held.add(response)
  return response.on('close', () => graph.held.delete(response))
})
await once(graphServer.listen(0, '127.0.0.1'), 'listening')
t.teardown(() => {
  graphServer.closeAllConnections()
  graphServer.close()
})

const lines: string[] = []
const stream = new Writable({
  write(line, _encoding, done) {
    lines.push(String(line))
    done()
  }
})
const clients = { allowedClients: [callerId, otherClientId, rolelessId], rolelessClients: [rolelessId] }
const settings: Settings = {
  ...{ tenantId, clientId, clientSecret: secret, authority: world.tenant.origin, keysTimeoutSeconds: 60, ...clients },
  publicUrl: 'http://127.0.0.1:3001/mcp',
  graphUrl: `http://127.0.0.1:${(graphServer.address() as AddressInfo).port}`
}
const options: FastifyServerOptions = {
  logger: { ...loggerOptions('trace'), stream },
  forceCloseConnections: true,
  frameworkErrors: problems.answerFrameworkError,
  clientErrorHandler: problems.answerClientError
}
const app = await buildServer(settings, options)
problems.setProblemHandlers(app)
/** What happens between a decision and its response. */
let beforeResponse = async () => {}
app.addHook('onSend', async () => beforeResponse())
await app.listen({ host: '127.0.0.1', port: 0 })
t.teardown(() => app.close())
const { port } = app.server.address() as AddressInfo

/** A tool call, byte for byte. */
function call(tool: string, token: string | undefined, ...more: readonly string[]): string {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {} } })
  const head = [
    ...['POST /mcp HTTP/1.1', 'Host: 127.0.0.1', 'Connection: close', `Content-Length: ${body.length}`],
    ...['Content-Type: application/json', 'Accept: application/json, text/event-stream', ...more],
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`])
  ]
  return request(...head) + body
}

/** The server's streams say that the connection is kept, so that a raw one would wait for its end. */
async function answerTo(tool: string, token: string) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {} } })
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    authorization: `Bearer ${token}`
  }
  const answer = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', headers, body })
  return { status: answer.status, body: await answer.text() }
}

async function isServing(): Promise<boolean> {
  const { status, body } = await answerTo('my_profile', goodToken())
  return status === 200 && body.includes('A User')
}

/** From here on `key-retired` is withdrawn: an unknown `kid` of each issuer has the keys fetched. */
world.publish(false)
for (const token of [world.token({}, { kid: 'key-new' }), world.v1Token({}, { kid: 'key-new' })])
  await answerTo('my_profile', token)

/** Sends a row's bytes, and keeps whether refusals say where the metadata is. */
const lacking: string[] = []
const converse: Converse = async (to, bytes) => {
  const answers = answersIn(await exchange(to, bytes), bytes.slice(0, bytes.indexOf(' ')))
  for (const { status, headers } of answers) {
    const challenge = headers.get('www-authenticate') ?? ''
    if (
      (status === 401 || status === 403) &&
      !challenge.includes('resource_metadata="http://127.0.0.1:3001/.well-known')
    )
      lacking.push(`${status} ${challenge}`)
  }
  return answers
}

/** The row as a call of a tool that any good user may call; nothing for rows about other routes. */
function asCall(row: Row): Row | undefined {
  if (row.api || row.path || row.is === '200' || typeof row.is !== 'string') return undefined
  const { send } = row
  if (!send) return { ...row, send: (token) => call('my_profile', token) }
  return {
    ...row,
    async send(token, at) {
      return (await send(token, at)).replace(/^(GET|HEAD) \/me(?= )/, 'GET /mcp')
    }
  }
}

for (const [name, table] of Object.entries(tables)) {
  const rows = table.map(asCall).filter((row) => row !== undefined)
  if (rows.length === 0) continue
  t.test(`the corpus: ${name}, ${rows.length} rows`, async (t) => {
    const before = lines.length
    const outcomes: Outcome[] = []
    for (const row of rows) {
      const outcome = await judge(row, world, { ports: { entra: port, oidc: port } }, converse)
      outcomes.push(outcome)
      t.same(outcome.failures, [], nameOf(row))
    }
    t.equal(graph.wrongHits, 0, 'no tool ran')
    t.same(lacking.splice(0), [], 'each 401 and 403 says where the metadata is')
    t.same(logFailures(lines.slice(before).join(''), outcomes), [], 'the log holds no token and no internals')
    t.ok(await isServing(), 'a good call gets its answer')
  })
}

/** How a client leaves. */
const ways: Readonly<Record<string, (socket: Socket) => void>> = {
  close: (socket) => socket.destroy(),
  reset: (socket) => socket.resetAndDestroy(),
  'half-close': (socket) => socket.end()
}

/** Who calls what, and whether the tool may run. */
const callers: Readonly<Record<string, { bytes: () => string; runs: boolean }>> = {
  'no token': { bytes: () => call('my_profile', undefined), runs: false },
  'a forged token': { bytes: () => call('my_profile', `${world.token().slice(0, -8)}AAAAAAAA`), runs: false },
  'a token without the scope': { bytes: () => call('my_groups', world.token()), runs: false },
  'a token without the role': { bytes: () => call('server_status', world.token()), runs: false },
  'a good token': { bytes: () => call('my_profile', goodToken({ oid: crypto.randomUUID() })), runs: true }
}

/** When it leaves: sends as much as it does by then, and waits for the moment. */
const moments: Readonly<Record<string, (socket: Socket, bytes: string, runs: boolean) => Promise<void>>> = {
  'within the header': async (socket, bytes) => void socket.write(bytes.slice(0, 60)),
  'before the body': async (socket, bytes) => void socket.write(bytes.slice(0, bytes.indexOf('{'))),
  'at once': async (socket, bytes) => void socket.write(bytes),
  'while the token endpoint hangs': async (socket, bytes, runs) => {
    const before = tokens.forms.length
    tokens.grant = () => undefined
    socket.write(bytes)
    if (runs) await until('a request for a token', () => tokens.forms.length > before)
  },
  'while Microsoft Graph hangs': async (socket, bytes, runs) => {
    graph.hangs = true
    socket.write(bytes)
    if (runs) await until('a request to Graph', () => graph.held.size > 0)
  },
  'while the response waits': async (socket, bytes) => {
    let waits = false
    beforeResponse = async () => {
      waits = true
      if (!socket.closed) await once(socket, 'close')
    }
    socket.write(bytes)
    await until('a response', () => waits)
  }
}

for (const [moment, arrive] of Object.entries(moments))
  for (const [way, leave] of Object.entries(ways))
    t.test(`${moment}, ${way}`, async (t) => {
      for (const [caller, { bytes, runs }] of Object.entries(callers)) {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {}).resume()
        await arrive(socket, bytes(), runs)
        leave(socket)
        // One that only closed its own side may wait for an answer; a hang is not part of it.
        if (way === 'half-close') {
          graph.hangs = false
          for (const response of graph.held) response.end('{}')
        }
        await until('Graph has nobody who waits', () => graph.held.size === 0)
        if (!socket.closed) socket.destroy()
        graph.hangs = false
        tokens.grant = grant
        beforeResponse = async () => {}
        t.equal(graph.wrongHits, 0, `${caller}: no tool ran for a caller who is refused`)
        t.ok(await within('a good call', isServing()), `${caller}: a good call gets its answer`)
      }
      t.same(rejections, [], 'nothing was left unhandled')
    })
