/** Chromium with an authority on its certificate list, as a user would put it there. Verification stays as it is. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LaunchOptions } from 'playwright-core'
import type { Test } from 'tap'
import { skipWithout } from './programs.js'

/** What to give tap's `skip` for a test that needs the certificate list. */
export const noCertificateList = skipWithout('certutil')

/**
 * Makes a home directory whose certificate list (NSS) trusts an authority; it ends with the test.
 *
 * @param ca the authority's certificate, PEM
 */
export async function trusting(t: Test, ca: string): Promise<LaunchOptions> {
  const home = await mkdtemp(join(tmpdir(), 'chromium-'))
  t.teardown(() => rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const list = join(home, '.pki', 'nssdb')
  await mkdir(list, { recursive: true })
  const file = join(home, 'ca.pem')
  await writeFile(file, ca)
  const certutil = (...args: string[]) => promisify(execFile)('certutil', ['-d', `sql:${list}`, ...args])
  await certutil('-N', '--empty-password')
  await certutil('-A', '-t', 'C,,', '-n', 'embedded tenant', '-i', file)
  return { env: { PATH: String(process.env.PATH), HOME: home } }
}
