/**
 * The command, in a process that trusts a throw-away authority: Node.js reads `NODE_EXTRA_CA_CERTS` once, at startup. Each line of the input is
 * an {@link ExplainJob}, and each line of the output the outcomes of its tokens.
 */
import { createInterface } from 'node:readline'
import { run } from '../../../src/plugin/command/run.js'

/** Tokens for an API. */
export interface ExplainJob {
  /** The variables of the API. */
  readonly env: Readonly<Record<string, string>>
  /** The proxy behind which its provider is. */
  readonly proxies: Readonly<Record<string, string>>
  readonly tokens: readonly string[]
}

for await (const line of createInterface(process.stdin)) {
  const { env, proxies, tokens } = JSON.parse(line) as ExplainJob
  Object.assign(process.env, proxies)
  const outcomes = []
  for (const token of tokens)
    outcomes.push(await run(['explain', '--online'], { KEYS_TIMEOUT_SECONDS: '60', ...env }, async () => token))
  process.stdout.write(`${JSON.stringify(outcomes)}\n`)
}
