/** `npm run revoke`, as a function: returns the output and the exit status for arguments and environment. */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { type RedisAddress, toRedis } from '../../plugin/environment/redis-address.js'
import { EntraConfigurationError, RedisRevocations, type Revoked } from '../../plugin/index.js'
import { connectRedis, reasonOf } from './redis.js'

/** 0: revoked. 2: not revoked, or unknown. */
export interface Outcome {
  readonly exitCode: 0 | 2
  readonly out: string
  readonly err: string
}

const usage =
  'npm run revoke takes -- --tenant ID --user ID (object IDs), or -- --tenant ID --session ID (the sid of its tokens); ' +
  'the tenant is the directory (tenant) ID, or the issuer of another provider'

/** Runs the command. */
export async function runRevoke(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  try {
    const until = await revoke(whoOf(args), addressOf(env))
    return { exitCode: 0, out: `tokens that were issued until ${until.toISOString()} are refused\n`, err: '' }
  } catch (error) {
    return { exitCode: 2, out: '', err: `${(error as Error).message}\n` }
  }
}

/** The revocation that the arguments describe. */
function whoOf(args: readonly string[]): Revoked {
  const text = { type: 'string' } as const
  const options = { tenant: text, user: text, session: text }
  try {
    const { tenant, user, session } = parseArgs({ args: [...args], options }).values
    if (tenant && session && user === undefined && mayBeInTokens(tenant))
      return { tenantId: tenant, sessionId: session }
    if (tenant && user && session === undefined && mayBeInTokens(tenant, user)) return { tenantId: tenant, id: user }
  } catch {
    // An unknown option, or one without its value.
  }
  throw new EntraConfigurationError(usage)
}

/**
 * A domain or a sign-in name is not an ID in any token: the command would revoke nothing, and report success. For another provider the
 * tenant is the issuer, and its users may have any ID.
 */
function mayBeInTokens(tenant: string, user = ''): boolean {
  return URL.canParse(tenant) || (guid.test(tenant) && !user.includes('@'))
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function addressOf({ REDIS_URL }: NodeJS.ProcessEnv): RedisAddress {
  const address = toRedis('REDIS_URL', REDIS_URL)
  if (address) return address
  throw new EntraConfigurationError('REDIS_URL is missing; give the one of the server that must refuse the tokens')
}

async function revoke(who: Revoked, address: RedisAddress): Promise<Date> {
  const redis = await connectRedis(address)
  redis.on('error', () => {}) // the first error is reported; without a listener, ioredis prints errors with the commands sent
  const asked = once(redis, 'ready').then(() => new RedisRevocations(redis).revoke(who)) // or rejects with the first `error`
  const failed = (error: Error): never => {
    throw new EntraConfigurationError(
      `Redis cannot be used: ${reasonOf(error)}; the revocation may not be stored; run it again`
    )
  }
  return asked.catch(failed).finally(() => redis.disconnect())
}
