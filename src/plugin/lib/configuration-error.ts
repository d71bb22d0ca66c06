/** The error for a program or configuration that cannot work. */

/** A mistake in the program or its configuration: thrown at startup, or in the route that made it. */
export class EntraConfigurationError extends Error {
  override readonly name = 'EntraConfigurationError'
  /** Stable, for programs. */
  readonly code = 'ENTRA_CONFIGURATION'
}
