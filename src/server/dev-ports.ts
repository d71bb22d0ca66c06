/** Ports of `npm run dev`: a port that is taken is reported with the variable that sets it. */
import { EntraConfigurationError } from '../plugin/index.js'
import { integer } from './config/variables.js'

/** How many ports are tried after a default one that is taken. */
const others = 20

/** Listens on a port; rejects with code `EADDRINUSE` when it is taken. */
export type Listen<T> = (port: number) => Promise<T>

/**
 * Listens on exactly this port.
 *
 * @param variable the variable that sets the port
 * @throws EntraConfigurationError when the port is not a number or is taken
 */
export async function listenOn<T>(variable: string, text: string, listen: Listen<T>): Promise<T> {
  const port = integer(variable, text, 65_535)
  try {
    return await listen(port)
  } catch (error) {
    if (!isTaken(error)) throw error
    throw new EntraConfigurationError(
      `${variable} ${port} is used by another program; end that program, or set ${variable} to another port`
    )
  }
}

/**
 * Listens on the port that the variable sets; where it is unset, on the default one, or on the first free one after it.
 *
 * @throws EntraConfigurationError when a port that is set is taken, or all that may be tried are
 */
export async function listenFrom<T>(
  variable: string,
  text: string | undefined,
  usual: number,
  listen: Listen<T>
): Promise<T> {
  if (text) return listenOn(variable, text, listen)
  for (let port = usual; port < usual + others; port++) {
    try {
      return await listen(port)
    } catch (error) {
      if (!isTaken(error)) throw error
    }
  }
  return listenOn(variable, String(usual + others), listen)
}

const isTaken = (error: unknown): boolean => Object(error).code === 'EADDRINUSE'
