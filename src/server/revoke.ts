/**
 * `npm run revoke`: revokes the tokens of a user, service principal or session in every instance that shares the Redis of `REDIS_URL`. A
 * separate command; it needs no other variable, and the server loads none of it.
 */
import { endOnFaults } from './process/last-words.js'
import { runRevoke } from './redis/revocation-command.js'

endOnFaults()
const { exitCode, out, err } = await runRevoke(process.argv.slice(2), process.env)
process.stdout.write(out)
process.stderr.write(err)
process.exitCode = exitCode
