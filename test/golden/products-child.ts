/**
 * The verifiers of products, in a process that trusts a throw-away authority: Node.js reads `NODE_EXTRA_CA_CERTS` once, at startup. Each line
 * of the input is a {@link Job}, and each line of the output its answers.
 */
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createVerifier } from '../../src/plugin/verifier-index.js'
import { readConfig } from '../../src/server/config/config.js'
import { answerTo, explained, withoutTimes } from './golden.js'

/** Tokens for a product. */
export interface Job {
  /** Settings of the server. */
  readonly settings: Readonly<Record<string, string>>
  /** The proxy behind which the product is. */
  readonly proxies: Readonly<Record<string, string>>
  readonly tokens: readonly string[]
}

for await (const line of createInterface(process.stdin)) {
  const { settings, proxies, tokens } = JSON.parse(line) as Job
  Object.assign(process.env, proxies)
  const verifier = createVerifier({ ...readConfig(settings).entra, keysTimeoutSeconds: 60 })
  const answers: string[] = []
  for (const token of tokens) {
    let answer = await answerTo(token, verifier, withoutTimes)
    // On a busy machine the keys may come later than the start waits for them.
    for (const end = Date.now() + 60_000; answer === 'tenant_unavailable' && Date.now() < end; await sleep(100))
      answer = await answerTo(token, verifier, withoutTimes)
    answers.push(await explained(token, answer, verifier))
  }
  await verifier.close()
  process.stdout.write(`${JSON.stringify(answers)}\n`)
}
