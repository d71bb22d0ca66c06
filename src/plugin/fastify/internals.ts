/** What is read of Fastify and pino that neither promises. `internals.test.ts` fails where an upgrade changes it. */
import type { Logger } from '../lib/clock.js'

/** Whether a log writes nothing down: pino below its level, and Fastify without a logger, call what does nothing so. */
export const isSilent = ({ info }: Logger) => info.name === 'noop'
