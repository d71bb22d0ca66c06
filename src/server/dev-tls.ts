/**
 * https for `npm run dev`. Node reads NODE_EXTRA_CA_CERTS once, when a process starts: to trust an authority that was made just now, as
 * everything in the process should, takes a second process.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsIdentity } from '../tenant/index.js'
import { createTlsIdentity } from '../tenant/tls.js'

/** What TENANT_TLS is in the second process: its certificate comes from the first one, and its key is never on disk. */
export const secondProcess = 'ipc'

/** The certificate, in the second process. */
export async function receiveIdentity(): Promise<TlsIdentity> {
  const [identity] = await once(process, 'message')
  process.disconnect()
  return identity
}

/**
 * Runs this program again, as a process that trusts an authority made for it, until it ends. Signals go on to it.
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
      // A group of its own, as Ctrl-C would reach it twice otherwise: once from the terminal, once from here.
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
