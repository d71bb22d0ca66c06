/** A real Redis, Debian's, on a port of its own, that a test may end, halt and start again; and clients of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import type { Test } from 'tap'
import { skipWithout } from './programs.js'

/** For tap: a test that needs Redis. */
export const needsRedis = { skip: skipWithout('redis-server') }

export interface TestRedis {
  readonly port: number
  /** Without credentials. */
  readonly url: string
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  /** It keeps its connections, and answers nothing. */
  halt(): void
  /** It goes on. */
  goOn(): void
  /** A new one at the same port, that remembers nothing. */
  start(): Promise<void>
}

/** Starts one without persistence, that ends with the test. */
export async function startRedis(t: Pick<Test, 'teardown'>, ...settings: string[]): Promise<TestRedis> {
  const port = await freePort()
  const local = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const args =
    settings.at(-1) === '--tls-port'
      ? [...settings, String(port), ...local]
      : ['--port', String(port), ...local, ...settings]
  let server: ChildProcess | undefined
  const start = async () => {
    const started = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    server = started
    let printed = ''
    await new Promise<void>((resolve, reject) => {
      started.stdout.on('data', (chunk) => {
        printed += chunk
        if (printed.includes('Ready to accept connections')) resolve()
      })
      started.once('exit', () => reject(new Error(`redis-server did not start: ${printed}`)))
    })
  }
  const kill = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }
  t.teardown(kill)
  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    halt: () => void server?.kill('SIGSTOP'),
    goOn: () => void server?.kill('SIGCONT')
  }
}

/** Each client that the library works with, as its users make one; closed with the test. */
export const clients = {
  ioredis: (t: Test, { url }: TestRedis) => closing(t, new Redis(url)),
  iovalkey: (t: Test, { url }: TestRedis) => closing(t, new Valkey(url))
}

/** Closes a client with the test. */
export function closing<T extends { on(event: 'error', listener: () => void): unknown; disconnect(): void }>(
  t: Pick<Test, 'teardown'>,
  client: T
): T {
  client.on('error', () => {}) // each failed attempt to connect; tests look at what callers are told
  t.teardown(() => client.disconnect())
  return client
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || !address) throw new Error('no port')
  return address.port
}
