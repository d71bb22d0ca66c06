/**
 * https for `npm run dev`. Node reads NODE_EXTRA_CA_CERTS once, when a process starts: trusting a newly made authority in the whole process
 * requires a second process.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsIdentity } from '../tenant/index.js'
import { createTlsIdentity } from '../tenant/tls.js'

/** The value of TENANT_TLS in the second process: its certificate comes from the first process, and its key is never on disk. */
export const secondProcess = 'ipc'

/** The certificate, in the second process. */
export async function receiveIdentity(): Promise<TlsIdentity> {
  const [identity] = await once(process, 'message')
  process.disconnect()
  return identity
}

/**
 * Runs this program again in a process that trusts an authority made for it, until it ends. Forwards signals to it.
 *
 * @returns its exit code
 */
export async function runTrusting(): Promise<number> {
  const identity = await createTlsIdentity()
  const directory = await mkdtemp(join(tmpdir(), 'fastify-entra-'))
  const file = join(directory, 'ca.pem')
  try {
    await writeFile(file, identity.ca)
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      // A process group of its own: otherwise Ctrl-C would reach it twice, from the terminal and from here.
      detached: true,
      env: { ...process.env, NODE_EXTRA_CA_CERTS: file, TENANT_TLS: secondProcess },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc']
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGTERM'))
    child.send(identity)
    const [code] = await once(child, 'exit')
    return code === 0 ? 0 : 1
  } finally {
    await rm(directory, { recursive: true })
  }
}
