/** Reads a file that may have become anything, without waiting for it. */
import type { Stats } from 'node:fs'
import { constants, open } from 'node:fs/promises'

/**
 * Reads a text file. A named pipe does not make it wait for a writer, each time in another of the few threads of this process: after four such
 * reads it would open no file and look up no host name.
 *
 * @param check throws if the file must not be read. It gets facts of the open file: at its path there may be another one by now. A link is
 * followed, as Kubernetes mounts files by links
 * @throws what `check` throws; an error with a `code` when the file cannot be opened or read
 */
export async function readRegularFile(path: string, check: (file: Stats) => void): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    check(await file.stat())
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}
