/** How long a developer waits for `fastify-entra explain`: from the start of the process to its end, beside Node.js that does nothing. */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Pace } from '../harness/cli.js'
import { findCores } from '../harness/cores.js'
import { mintGood } from '../harness/tokens.js'
import { type Spread, spread } from '../report/stats.js'

/** Milliseconds of whole processes. */
export interface CommandTimes {
  /** With one token on the standard input; nothing is sent anywhere. */
  readonly explainMs: Spread | undefined
  /** Node.js with an empty program. */
  readonly nodeMs: Spread | undefined
}

const command = fileURLToPath(new URL('../../dist/plugin/command/main.js', import.meta.url))
const tenantId = '11111111-2222-4333-8444-555555555555'
const clientId = '66666666-7777-4888-8999-aaaaaaaaaaaa'

interface Run {
  readonly ms: number
  readonly exitCode: number | null
  readonly out: string
}

function time(args: readonly string[], input: string, cores: string | undefined): Run {
  const [file, ...before] = cores === undefined ? [process.execPath] : ['taskset', '-c', cores, process.execPath]
  const { NODE_OPTIONS: _, ...env } = process.env
  const began = performance.now()
  const { status, stdout } = spawnSync(String(file), [...before, ...args], { input, env, encoding: 'utf8' })
  return { ms: performance.now() - began, exitCode: status, out: stdout }
}

/** The two take turns, as the variants of a load do. */
export async function runCommand({ rounds }: Pace, mistakes: string[]): Promise<CommandTimes> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const issuer = `https://login.microsoftonline.com/${tenantId}/v2.0`
  const token = await mintGood({ issuer, tenantId, clientId, kid: 'key-1', privatePem })
  const cores = findCores()?.server
  const args = [command, 'explain', '--tenant', tenantId, '--client', clientId]
  const [explain, node]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds * 3; round += 1) {
    const { ms, exitCode, out } = time(args, token, cores)
    if (exitCode === 0 && out.startsWith('No check refuses this token')) explain.push(ms)
    else mistakes.push(`fastify-entra explain ends with ${exitCode} for a good token`)
    node.push(time(['--eval', ''], '', cores).ms)
  }
  return { explainMs: spread(explain), nodeMs: spread(node) }
}
