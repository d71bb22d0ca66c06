/** Chooses the subcommand, and says what went wrong in one sentence. */
import { inTermsOfVariables } from '../environment/read-options.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { loggedText } from '../lib/logged-text.js'
import { CommandFailure, lines, type Outcome, type World } from './outcome.js'

/** A subcommand, as its file exports it. */
interface Subcommand {
  readonly usage: readonly string[]
  readonly start: (world: World) => Promise<Outcome>
}

const subcommands: ReadonlyMap<string, { readonly purpose: string; readonly load: () => Promise<Subcommand> }> =
  new Map([
    [
      'doctor',
      {
        purpose: 'checks the configuration, and all that it depends on, and says what to change',
        load: async () => (await import('./doctor.js')).doctor
      }
    ],
    [
      'explain',
      {
        purpose: 'says why a token is refused, and what to change',
        load: async () => (await import('./explain.js')).explain
      }
    ],
    [
      'keys',
      {
        purpose: 'writes the keys of the tenant, with which an API can start during an outage',
        load: async () => (await import('./keys.js')).keys
      }
    ],
    [
      'manifest',
      {
        purpose: 'writes the app registration that the guards of an app require',
        load: async () => (await import('./manifest.js')).manifest
      }
    ],
    [
      'routes',
      { purpose: 'says who may call each route of an app', load: async () => (await import('./routes.js')).routes }
    ]
  ])

const usage = [
  'usage: fastify-entra <subcommand>',
  ...[...subcommands].map(([name, { purpose }]) => `  ${name.padEnd(10)}${purpose}`),
  'fastify-entra <subcommand> --help shows its options.'
]

/** Runs the command. Rejects only for a bug. */
export async function run(
  [name = '', ...args]: readonly string[],
  env: World['env'],
  input: World['input']
): Promise<Outcome> {
  if (name === '--help') return { exitCode: 0, out: lines(usage), err: '' }
  const subcommand = subcommands.get(name)
  if (!subcommand) return { exitCode: 2, out: '', err: lines(usage) }
  try {
    const { usage, start } = await subcommand.load()
    return args.includes('--help') ? { exitCode: 0, out: lines(usage), err: '' } : await start({ args, env, input })
  } catch (error) {
    // A token may have been given in place of an option, or of a module.
    return { exitCode: 2, out: '', err: lines([loggedText(sentence(error, env))]) }
  }
}

function sentence(error: unknown, env: World['env']): string {
  if (error instanceof CommandFailure) return error.message
  if (error instanceof EntraConfigurationError) return inTermsOfVariables(error.message, env)
  throw error
}
