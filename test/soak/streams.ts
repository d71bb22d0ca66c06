/** Event streams: each ends when its token does, says why, and not before. Some clients hang up. */
import { seconds } from '../hostile/world.js'
import type { Credential } from './callers.js'
import { urlOf, watch } from './client.js'
import { isRightEnd, rightOutcomes } from './expected.js'
import type { SoakRecord } from './record.js'
import type { Stage } from './stage.js'

/** Seconds after which a stream whose token is no longer valid has hung: far more than the ten that are promised. */
const patienceSeconds = 60

export class Streams {
  readonly #stage: Stage
  readonly #record: SoakRecord
  readonly #open = new Map<AbortController, Credential>()
  readonly #hungUp = new Error('hung up')

  constructor(stage: Stage, record: SoakRecord) {
    this.#stage = stage
    this.#record = record
  }

  /** Whose streams are open. */
  get open(): readonly Credential[] {
    return [...this.#open.values()]
  }

  /**
   * Opens one, and reads it to its end.
   *
   * @param hangUpAfter seconds after which the client goes; `undefined`: when the stream ends
   */
  async read(credential: Credential, hangUpAfter?: number): Promise<void> {
    const abort = new AbortController()
    const seen = watch(this.#stage, credential)
    const late = new Error('the stream did not end')
    const dueIn = credential.expiresAt - seconds() + patienceSeconds
    const timers = [setTimeout(() => abort.abort(late), dueIn * 1000)]
    if (hangUpAfter !== undefined) timers.push(setTimeout(() => abort.abort(this.#hungUp), hangUpAfter * 1000))
    this.#open.set(abort, credential)
    try {
      const { status, text } = await this.#receive(credential, abort.signal)
      if (status === 200) this.#judgeEnd(text, credential, seen())
      else this.#judgeRefusal(`${status} ${/"code":"(\w+)"/.exec(text)?.[1]}`, credential, rightOutcomes(seen()))
    } catch (error) {
      if (abort.signal.reason === this.#hungUp) this.#record.count('stream', 'hung up')
      else this.#record.isWrong('stream', 'an end with its reason', String(error))
    } finally {
      for (const timer of timers) clearTimeout(timer)
      this.#open.delete(abort)
    }
  }

  /** All clients go. */
  hangUp(): void {
    for (const abort of this.#open.keys()) abort.abort(this.#hungUp)
  }

  async #receive({ token }: Credential, signal: AbortSignal) {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(urlOf(this.#stage.api.ports.entra, '/events'), { headers, signal })
    let text = ''
    for await (const chunk of response.body ?? []) text = (text + Buffer.from(chunk).toString()).slice(-2000)
    return { status: response.status, text }
  }

  #judgeEnd(text: string, { expiresAt, key, standing }: Credential, seen: Parameters<typeof isRightEnd>[1]): void {
    const code = /event: end\ndata: {"code":"(\w+)"}\n\n$/.exec(text)?.[1] ?? 'nothing'
    this.#record.count('stream', code)
    if (isRightEnd({ code, at: Date.now() / 1000, expiresAt }, seen)) return
    const due = `${(expiresAt - Date.now() / 1000).toFixed(1)} s before it expires, key ${key.state.now}, token ${standing.now}`
    this.#record.isWrong('stream', 'to end with its token', `${code}, ${due}`)
  }

  /** On a busy machine a short-lived token can expire before its stream is open. */
  #judgeRefusal(outcome: string, { expiresAt }: Credential, right: ReadonlySet<string>): void {
    this.#record.count('stream', outcome)
    const isLate = outcome === '401 token_expired' && Date.now() / 1000 >= expiresAt
    if (!isLate && !right.has(outcome)) this.#record.isUnexpected('stream', [...right].join(' or '), outcome)
  }
}
