/** A file of key sets. Whoever can write it decides which tokens are accepted, so only this user and root may. */
import type { Stats } from 'node:fs'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { parseDetached } from '../lib/own.js'
import { readRegularFile } from '../lib/regular-file.js'

/** A thousand issuers fit. */
const maxBytes = 16 * 1024 * 1024

/**
 * Reads the file as JSON. Messages have no path: an option may hold what belongs into the file.
 *
 * @throws EntraConfigurationError when it cannot be read, does not contain JSON, or others can write it
 */
export async function readKeysFile(path: string): Promise<unknown> {
  return parsed(await readRegularFile(path, checkFile).catch(refuseUnreadable))
}

function checkFile(file: Stats): void {
  const fault = faultOf(file, process.getuid?.())
  if (fault !== undefined) throw new EntraConfigurationError(`preloadedKeys names a file that ${fault}`)
}

function refuseUnreadable(error: NodeJS.ErrnoException): never {
  if (error instanceof EntraConfigurationError) throw error
  const { code } = error
  throw new EntraConfigurationError(
    `preloadedKeys cannot be read (${code}); give the path of a file that "fastify-entra keys" wrote`
  )
}

function parsed(text: string): unknown {
  try {
    return parseDetached(text.replace(/^\uFEFF/, ''))
  } catch {
    throw new EntraConfigurationError(
      'preloadedKeys names a file that does not contain JSON; write it with "fastify-entra keys", or remove it'
    )
  }
}

/**
 * What is wrong with a file, and what to change; `undefined` if nothing is.
 *
 * @param user ID of this process's user; `undefined` on Windows, where Node.js shows neither owners nor who may write (Node: "fs.Stats"), so
 * that permissions are the operator's responsibility
 */
export function faultOf(file: Pick<Stats, 'mode' | 'uid' | 'size' | 'isFile'>, user: number | undefined) {
  if (!file.isFile()) return 'is not a regular file; give the path of one'
  if (file.size > maxBytes) return `is larger than ${maxBytes} bytes; write it with "fastify-entra keys"`
  if (user === undefined) return undefined
  if ((file.mode & 0o022) !== 0) return 'others can write, who could add keys of their own; run chmod go-w on it'
  if (file.uid !== user && file.uid !== 0)
    return 'belongs to another user, who could add keys; make it a file of the user that runs this API, or of root'
  return undefined
}
