/** Starts an app of the user in a process of its own: what it prints stays out of the output, and what it leaves running ends with it. */
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Rule } from '../authorization/rules.js'
import type { Registration } from '../manifest/registration.js'
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

/** What is known of an app that was ready. */
export interface AppFacts {
  readonly routes: readonly AppRoute[]
  /** The module's export of this name, in JSON. */
  readonly permissions?: unknown
  /** Present if it was asked for. */
  readonly registration?: Registration
}

/** What the process sends, once. */
export type AppMessage = AppFacts | { readonly failure: string }

/** The registration to read with the app's own credential. */
export interface RegistrationRequest {
  /** Origin of Microsoft Graph. */
  readonly graphUrl: string
  readonly clientId: string
}

/**
 * Loads a module, makes its app ready, and closes it. Its output goes to the standard error output.
 *
 * @throws CommandFailure when it is not an app, does not start, or cannot read the registration
 */
export async function factsOfApp(module: string, registration?: RegistrationRequest): Promise<AppFacts> {
  const file = fileURLToPath(new URL(`./app-child${extname(import.meta.filename)}`, import.meta.url))
  const child = fork(file, [module, JSON.stringify(registration ?? null)], { stdio: ['ignore', 2, 2, 'ipc'] })
  const answer = await new Promise<AppMessage>((resolve) => {
    child.once('message', (message) => resolve(message as AppMessage))
    child.once('exit', () => resolve({ failure: 'its process ended before the app was ready' }))
  })
  child.kill()
  if ('failure' in answer) throw new CommandFailure(`${module}: ${answer.failure}`)
  return answer
}
