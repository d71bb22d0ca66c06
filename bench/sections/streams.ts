/** What open streams cost that end with their token (`request.principalSignal`): memory, and CPU while nothing is sent. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { aside } from '../harness/variants.js'
import { firstLine, type Server, type World } from '../harness/world.js'
import type { Usage } from '../types.js'

export interface Streams {
  readonly streams: number
  /** Over sockets of loopback; otherwise requests that are held in the process, without sockets. */
  readonly sockets: boolean
  /** Whether each stream has the signal of its caller. */
  readonly signals: boolean
  /** MB, after a collection. */
  readonly rss: number
  readonly heap: number
  /** CPU while nothing is sent, ms in a second; each token is checked once in ten seconds. */
  readonly idleMillis: number
}

interface Wanted {
  readonly streams: number
  readonly sockets: boolean
  readonly signals: boolean
}

/** Connections that are opened at a time. */
const batch = 200

async function openOne(port: number, token: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  const [data] = await once(socket, 'data')
  if (!String(data).startsWith('HTTP/1.1 200')) throw new Error(`a stream was answered ${String(data).slice(0, 40)}`)
  return socket
}

async function openAll(count: number, { port }: Server, token: string): Promise<readonly Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Math.min(batch, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => openOne(port, token)))))
  }
  return sockets
}

async function measure(world: World, { streams, sockets, signals }: Wanted): Promise<Streams | undefined> {
  const token = await firstLine(world.pools.good.file)
  const held = sockets ? {} : { held: streams, token }
  const server = await world.startServer(aside('ours-streams', { signals, ...held }), ['--expose-gc'])
  if ('absent' in server) return undefined
  const opened = sockets ? await openAll(streams, server, token) : []
  try {
    await server.child.ask('gc')
    const { rss, heapUsed } = await server.child.ask<Usage>('gc')
    const seconds = world.pace.seconds < 1 ? 3 : 20
    const began = await server.child.ask<Usage>('usage')
    await setTimeout(seconds * 1000)
    const ended = await server.child.ask<Usage>('usage')
    const idleMillis = (ended.cpuMicros - began.cpuMicros) / 1000 / seconds
    return { streams, sockets, signals, rss: rss / 1e6, heap: heapUsed / 1e6, idleMillis }
  } finally {
    for (const socket of opened) socket.destroy()
    await server.child.stop()
  }
}

/** As many over sockets as remembered tokens, and ten times as many in the process; each without signals first. */
export async function runStreams(world: World): Promise<readonly Streams[]> {
  const { cachedTokens } = world.pace
  const sizes = [
    { streams: cachedTokens, sockets: true },
    { streams: cachedTokens, sockets: false },
    { streams: cachedTokens * 10, sockets: false }
  ]
  const found: Streams[] = []
  for (const size of sizes) {
    for (const signals of [false, true]) {
      const one = await measure(world, { ...size, signals })
      if (one) found.push(one)
    }
  }
  return found
}
