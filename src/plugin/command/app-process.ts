/** Starts an app of the user in a process of its own: what it prints stays out of the output, and what it leaves running ends with it. */
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Rule } from '../authorization/rules.js'
import { ownMember } from '../lib/own.js'
import type { Registration } from '../manifest/registration.js'
import { CommandFailure } from './outcome.js'

/** A route of the app, as its access matrix has it, in JSON. */
export interface AppRoute {
  readonly method: string
  readonly url: string
  readonly constraints?: Readonly<Record<string, string>>
  readonly callers: string
  /** Without the functions of policies. */
  readonly rule?: Rule
}

/** What is known of an app that was ready. */
export interface AppFacts {
  readonly routes: readonly AppRoute[]
  /** `publicUrl` of the option `resource`. */
  readonly publicUrl?: string
  /** The module's export of this name, in JSON. */
  readonly permissions?: unknown
  /** Present if it was asked for. */
  readonly registration?: Registration
}

/** What becomes of an app. */
export type AppAnswer = AppFacts | { readonly failure: string }

/** What the process sends, once. The app itself may send other messages, such as `ready` for a process manager. */
export interface AppMessage {
  readonly 'fastify-entra': AppAnswer
}

/** The registration to read with the app's own credential. */
export interface RegistrationRequest {
  /** Origin of Microsoft Graph. */
  readonly graphUrl: string
  readonly clientId: string
}

/** Far more than `pluginTimeout` of Fastify. */
const maxSeconds = 60

/** For a process whose app is closed, to end. */
const maxExitSeconds = 5

/**
 * Loads a module, makes its app ready, and closes it. Its output goes to the standard error output.
 *
 * @param timeoutSeconds for all of it
 * @throws CommandFailure when it is not an app, does not start, or cannot read the registration
 */
export async function factsOfApp(
  module: string,
  registration?: RegistrationRequest,
  timeoutSeconds = maxSeconds
): Promise<AppFacts> {
  const file = fileURLToPath(new URL(`./app-child${extname(import.meta.filename)}`, import.meta.url))
  const child = fork(file, [module, JSON.stringify(registration ?? null)], { stdio: ['ignore', 2, 2, 'ipc'] })
  const late = `it is not ready and closed after ${timeoutSeconds} seconds; look for a promise that never settles`
  const kill = () => child.kill('SIGKILL') // an app may handle SIGTERM
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let deadline: NodeJS.Timeout | undefined
  const answer = await new Promise<AppAnswer>((resolve) => {
    deadline = setTimeout(() => kill() && resolve({ failure: late }), timeoutSeconds * 1000)
    child.on('message', (message) => {
      const answer = ownMember(Object(message), 'fastify-entra')
      if (answer !== undefined) resolve(answer as AppAnswer)
    })
    void ended.then(() => resolve({ failure: 'its process ended before the app was ready' }))
  })
  clearTimeout(deadline)
  const last = setTimeout(kill, maxExitSeconds * 1000)
  await ended
  clearTimeout(last)
  if ('failure' in answer) throw new CommandFailure(`${module}: ${answer.failure}`)
  return answer
}
