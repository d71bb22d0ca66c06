/** Reads a file that may have become anything, without waiting for it. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'

const flags = constants.O_RDONLY | constants.O_NONBLOCK

/**
 * Reads a text file. A named pipe does not make it wait for a writer, each time in another of the few threads of this process: after four such
 * reads it would open no file and look up no host name.
 *
 * @param check throws if the file must not be read. It gets facts of the open file: at its path there may be another one by now. A link is
 * followed, as Kubernetes mounts files by links
 * @throws what `check` throws; an error with a `code` when the file cannot be opened or read
 */
export async function readRegularFile(path: string, check: (file: Stats) => void): Promise<string> {
  const file = await open(path, flags)
  try {
    check(await file.stat())
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** The same at startup, where nothing else waits: without `O_NONBLOCK` a named pipe would hold the whole process. */
export function readRegularFileSync(path: string, check: (file: Stats) => void): string {
  const file = openSync(path, flags)
  try {
    check(fstatSync(file))
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}
