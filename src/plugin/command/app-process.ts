/** Starts an app of the user in a process of its own: what it prints stays out of the output, and what it leaves running ends with it. */
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Rule } from '../authorization/rules.js'
import { CommandFailure } from './outcome.js'

/** A route of the app, as its access matrix has it, in JSON. */
export interface AppRoute {
  readonly method: string
  readonly url: string
  readonly constraints?: Readonly<Record<string, unknown>>
  readonly callers: string
  /** Without the functions of policies. */
  readonly rule?: Rule
}

/** What the process sends, once. */
export type AppMessage = { readonly routes: readonly AppRoute[] } | { readonly failure: string }

/**
 * Loads a module, makes its app ready, and closes it. Its output goes to the standard error output.
 *
 * @throws CommandFailure when it is not an app, or does not start
 */
export async function routesIn(module: string): Promise<readonly AppRoute[]> {
  const file = fileURLToPath(new URL(`./app-child${extname(import.meta.filename)}`, import.meta.url))
  const child = fork(file, [module], { stdio: ['ignore', 2, 2, 'ipc'] })
  const answer = await new Promise<AppMessage>((resolve) => {
    child.once('message', (message) => resolve(message as AppMessage))
    child.once('exit', () => resolve({ failure: 'its process ended before the app was ready' }))
  })
  child.kill()
  if ('failure' in answer) throw new CommandFailure(`${module}: ${answer.failure}`)
  return answer.routes
}
