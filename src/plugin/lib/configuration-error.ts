/** The one error of a program or a configuration that cannot work. */

/** A mistake in the program or its configuration: stops the start, or names the route that made it. */
export class EntraConfigurationError extends Error {
  override readonly name = 'EntraConfigurationError'
  /** Stable, for programs. */
  readonly code = 'ENTRA_CONFIGURATION'
}
