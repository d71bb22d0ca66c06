/** A real proxy, Debian's squid, on a port of its own: with or without a password, and what went through it. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { until, within } from '../faults/waits.js'
import { freePort } from './redis.js'

export interface Squid {
  /** `host:port` of the proxy, without a scheme. */
  readonly address: string
  /** What its access log says: one line for each request. */
  log(): readonly string[]
}

interface SquidSettings {
  /** Names that lead to this machine. */
  readonly names: readonly string[]
  /** The only user that may use it. Default: anyone may. */
  readonly user?: { readonly name: string; readonly password: string }
  /** Files of its certificate and key: clients then speak TLS to the proxy itself. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

const helper = '/usr/lib/squid/basic_ncsa_auth'

/** Starts it; it ends with the test. */
export async function startSquid(t: Test, { names, user, tls }: SquidSettings): Promise<Squid> {
  const directory = mkdtempSync(join(tmpdir(), 'squid-'))
  chmodSync(directory, 0o777) // squid gives up root
  const at = (name: string) => join(directory, name)
  writeFileSync(at('hosts'), names.map((name) => `127.0.0.1 ${name}\n`).join(''))
  if (user) {
    const hash = execFileSync('openssl', ['passwd', '-apr1', user.password]).toString().trim()
    writeFileSync(at('users'), `${user.name}:${hash}\n`)
  }
  const port = await freePort()
  const auth = [`auth_param basic program ${helper} ${at('users')}`, 'acl known proxy_auth REQUIRED']
  const lines = [
    tls ? `https_port 127.0.0.1:${port} tls-cert=${tls.cert} tls-key=${tls.key}` : `http_port 127.0.0.1:${port}`,
    `hosts_file ${at('hosts')}`,
    `pid_filename ${at('pid')}`,
    `access_log stdio:${at('access.log')}`,
    `cache_log ${at('cache.log')}`,
    `coredump_dir ${directory}`,
    'cache deny all',
    'pinger_enable off',
    'shutdown_lifetime 0 seconds',
    ...(user ? [...auth, 'http_access allow known'] : ['http_access allow all']),
    'http_access deny all'
  ]
  writeFileSync(at('squid.conf'), `${lines.join('\n')}\n`)
  const squid = spawn('squid', ['-N', '-f', at('squid.conf')], { stdio: 'inherit' })
  const ended = once(squid, 'exit')
  t.teardown(async () => {
    squid.kill('SIGKILL')
    await within('squid to end', ended)
    rmSync(directory, { recursive: true, force: true })
  })
  await until('squid to listen', () => accepts(port))
  // Without the connections that only waited for it to listen.
  const logged = () => (existsSync(at('access.log')) ? readFileSync(at('access.log'), 'utf8').split('\n') : [])
  const isRequest = (line: string) => line !== '' && !line.includes('error:transaction-end-before-headers')
  return { address: `127.0.0.1:${port}`, log: () => logged().filter(isRequest) }
}

/** Whether something listens there. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
