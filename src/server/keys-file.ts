/** The file of `KEYS_FILE`: keys of this process for the next one, which may start while the tenant cannot be reached. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { KeySourceOptions, PreloadedKeySet } from '../plugin/index.js'

/** Writes a file as a whole or not at all, and in the order of the calls. */
export class KeysFile {
  readonly #path: string
  #writing: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** The plugin's options. Before its first start a server has no file; one that is there must be as the plugin requires. */
  get options(): KeySourceOptions {
    return {
      ...(existsSync(this.#path) && { preloadedKeys: this.#path }),
      saveKeys: (sets) => this.#save(sets)
    }
  }

  /** Resolves when nothing is being written, nor the plugin has more to write: it saves what was fetched during one save with the next. */
  async idle(): Promise<void> {
    let seen: unknown
    do {
      seen = this.#writing
      await seen
      await setImmediate()
    } while (seen !== this.#writing)
  }

  #save(sets: readonly PreloadedKeySet[]): Promise<void> {
    const written = this.#writing
      .then(() => replaceFile(this.#path, `${JSON.stringify(sets, null, 2)}\n`))
      .catch(refuseUnwritten)
    this.#writing = written.catch(() => {}) // the plugin reports it; the next one is written all the same
    return written
  }
}

/** Readers see the old content or the new one: a rename is atomic (POSIX: `rename`). Only this user can read and write the file. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync() // or the rename could survive a power failure, and the content not
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** The plugin knows of its own option alone, so this names the variable. */
function refuseUnwritten(cause: NodeJS.ErrnoException): never {
  const { code } = cause
  const change = 'name a file in a folder that this process may write'
  throw Object.assign(new Error(`KEYS_FILE cannot be written (${code}); ${change}`, { cause }), { code })
}
