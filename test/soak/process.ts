/** The process of the API, asked questions over IPC; any number at once. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from '../faults/waits.js'
import type { Answers, ApiSettings, Question } from './settings.js'

const script = fileURLToPath(new URL('api.ts', import.meta.url))

interface Message {
  readonly id: number
  readonly answer: unknown
}

/** Who waits for an answer. */
interface Waiting {
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

export class ApiProcess {
  /** Where it listens. */
  ports: { readonly entra: number; readonly oidc: number } = { entra: 0, oidc: 0 }
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #exit: Promise<unknown>
  #count = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exit = once(child, 'exit')
    child.on('message', ({ id, answer }: Message) => {
      this.#waiting.get(id)?.resolve(answer as never)
      this.#waiting.delete(id)
    })
    child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the API ended, with ${code ?? signal}`))
    })
  }

  static async start(settings: ApiSettings): Promise<ApiProcess> {
    const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...inherited } = process.env
    const child = fork(script, [], {
      execArgv: ['--expose-gc', '--import', 'tsx'],
      env: { ...inherited, NODE_ENV: 'production', SOAK_API: JSON.stringify(settings) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    const api = new ApiProcess(child)
    api.ports = await within('the API to listen', api.#next(0), 120_000)
    return api
  }

  ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    this.#count += 1
    const answer = this.#next<Answers[Q]>(this.#count)
    this.#child.send({ id: this.#count, question })
    return within(`an answer of the API to ${question}`, answer)
  }

  /** Closes it. Resolves to the code with which it ended by itself. */
  async close(): Promise<number | null> {
    await this.ask('close')
    await within('the process of the API to end, as nothing keeps it alive', this.#exit)
    return this.#child.exitCode
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #next<T>(id: number): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#waiting.set(id, { resolve, reject } as Waiting))
  }
}
