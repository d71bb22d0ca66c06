/** A process of the benchmark, asked one thing at a time. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atTheEnd } from './cleanup.js'

export interface Start {
  /** Below `bench`. */
  readonly script: string
  readonly args?: readonly string[]
  readonly nodeArgs?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** For what it prints on stderr. */
  readonly dir: string
  /** Cores, as taskset takes them. */
  readonly cores: string | undefined
}

const bench = fileURLToPath(new URL('..', import.meta.url))
let count = 0

/** How much of what a child that died has printed is worth reading. */
const lastWords = 2000

export class Child {
  readonly #process: ChildProcess
  readonly #script: string
  readonly #stderr: string
  readonly #forget: () => void

  private constructor(child: ChildProcess, script: string, stderr: string) {
    this.#process = child
    this.#script = script
    this.#stderr = stderr
    // Whoever waits for an answer hears of it; with nobody waiting, it must not end the benchmark.
    child.on('error', () => {})
    this.#forget = atTheEnd(() => child.kill('SIGKILL'))
  }

  /** Starts a child; what it says first is awaited with {@link next}. */
  static start({ script, args = [], nodeArgs = [], env = {}, dir, cores }: Start): Child {
    count += 1
    const path = join(dir, `stderr-${count}`)
    const stderr = openSync(path, 'w')
    const node = [...nodeArgs]
    const pinned = { execPath: 'taskset', execArgv: ['-c', String(cores), process.execPath, ...node] }
    const { NODE_OPTIONS: _, ...inherited } = process.env
    const child = fork(join(bench, script), args, {
      ...(cores === undefined ? { execArgv: node } : pinned),
      env: { ...inherited, NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'ignore', stderr, 'ipc']
    })
    closeSync(stderr)
    return new Child(child, script, path)
  }

  /** What it says next. */
  next<T>(timeoutSeconds = 60): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#process.off('message', heard).off('exit', died).off('error', reject)
        act()
      }
      const heard = (message: unknown) => settle(() => resolve(message as T))
      const died = () => settle(() => reject(new Error(`${this.#script} died: ${this.lastWords()}`)))
      const silent = () => settle(() => reject(new Error(`${this.#script} said nothing for ${timeoutSeconds} s`)))
      const timer = setTimeout(silent, timeoutSeconds * 1000)
      this.#process.on('message', heard).on('exit', died).on('error', reject)
      if (!this.#runs) died()
    })
  }

  async ask<T>(question: object | string, timeoutSeconds?: number): Promise<T> {
    const answer = this.next<T | { failed: string }>(timeoutSeconds)
    this.#process.send(question)
    const result = await answer
    if (typeof result === 'object' && result !== null && 'failed' in result) {
      throw new Error(`${this.#script}: ${result.failed}`)
    }
    return result as T
  }

  get #runs(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  lastWords(): string {
    return readFileSync(this.#stderr, 'utf8').slice(-lastWords).trim() || 'without a word'
  }

  async stop(): Promise<void> {
    const gone = this.#runs ? once(this.#process, 'exit') : undefined
    this.#forget()
    await gone
    rmSync(this.#stderr, { force: true })
  }
}
