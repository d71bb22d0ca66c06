/** The options that several subcommands have in place of variables of the server. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { CommandFailure, type World } from './outcome.js'

/** The environment, with `--tenant` and `--client` in place of their variables. */
export function withArguments(
  env: World['env'],
  { tenant, client }: { readonly tenant?: string; readonly client?: string }
): World['env'] {
  return {
    ...env,
    ...(tenant !== undefined && { ENTRA_TENANT_ID: tenant }),
    ...(client !== undefined && { ENTRA_CLIENT_ID: client })
  }
}

/**
 * Calls a function that reads the options.
 *
 * @throws CommandFailure where nothing is configured at all; otherwise what the function throws
 */
export function unlessUnconfigured<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    const isEmpty = error instanceof EntraConfigurationError && /^ENTRA_TENANT_ID and .* missing;/.test(error.message)
    if (isEmpty) throw new CommandFailure(`${error.message}, such as with --tenant and --client`)
    throw error
  }
}
