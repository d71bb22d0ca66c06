/** The logger of a stage, for the operator. Messages never contain a token. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

const nothing = () => {}

/** Discards everything. */
export const noLog: Logger = Object.freeze({ info: nothing, warn: nothing, error: nothing })
