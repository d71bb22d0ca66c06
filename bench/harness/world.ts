/** What all servers are measured in: the tenant, its tokens and the load generator. One for a whole run. */
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Fetches, ServerSettings, Slice, Started, TenantStarted } from '../types.js'
import { Child } from './child.js'
import { temporaryDirectory } from './cleanup.js'
import type { Pace } from './cli.js'
import { type Cores, findCores } from './cores.js'
import { type Mint, mintExpired, writeForged, writeGood, writeMalformed, writeUnknownKids } from './tokens.js'
import type { Variant } from './variants.js'
import type { Pool } from './workloads.js'

export interface Server {
  readonly child: Child
  readonly port: number
  readonly startMs: number
  readonly settledMs?: number
}

export interface World {
  readonly pace: Pace
  readonly cores: Cores | undefined
  readonly pools: Readonly<Record<Pool, Slice>>
  /** For the check of answers. */
  readonly expired: string
  readonly load: Child
  readonly settings: Omit<ServerSettings, 'options'>
  /** Sets the tenant's counters back, and starts the variant; `undefined` with what it lacks when it is not there yet. */
  startServer(variant: Variant, nodeArgs?: readonly string[]): Promise<Server | { readonly absent: string }>
  /** Starts another process on the server's core. */
  startPinned(script: string): Promise<Child>
  fetches(): Promise<Fetches>
  close(): Promise<void>
}

/** A thousand tenants' documents come in half a minute on a busy machine. */
const startWithinSeconds = 300

const clientId = '66666666-7777-4888-8999-aaaaaaaaaaaa'

function settingsOf({ origin, tenantId, publicPem }: TenantStarted): Omit<ServerSettings, 'options'> {
  const issuer = `${origin}/${tenantId}/v2.0`
  const metadataUrl = `${issuer}/.well-known/openid-configuration`
  const jwksUri = `${origin}/${tenantId}/discovery/v2.0/keys`
  return { origin, tenantId, clientId, issuer, metadataUrl, jwksUri, publicPem }
}

async function writePools(dir: string, pace: Pace, by: Mint): Promise<Record<Pool, Slice>> {
  const slice = (name: Pool, count: number) => ({ file: join(dir, name), from: 0, count })
  const hostile = pace.hostileTokens
  const pools = {
    good: slice('good', pace.tokens),
    forged: slice('forged', hostile),
    unknown: slice('unknown', hostile),
    malformed: slice('malformed', hostile)
  }
  await writeGood(pools.good.file, pools.good.count, by)
  const good = await firstLine(pools.good.file)
  await writeForged(pools.forged.file, hostile, by, good)
  await writeUnknownKids(pools.unknown.file, hostile, good)
  await writeMalformed(pools.malformed.file, hostile, good)
  return pools
}

export async function firstLine(path: string): Promise<string> {
  const file = await open(path)
  for await (const line of file.readLines()) return line
  return ''
}

/** Starts the tenant and the load generator, and mints the tokens. */
export async function createWorld(pace: Pace, say: (line: string) => void): Promise<World> {
  const { dir, remove } = temporaryDirectory()
  const cores = findCores()
  const start = (script: string, on: string | undefined) => Child.start({ script, dir, cores: on })
  const tenant = start('children/tenant.js', cores?.others)
  const tenantStarted = await tenant.next<TenantStarted>()
  const certificate = join(dir, 'tenant.pem')
  await writeFile(certificate, tenantStarted.certificate)
  const load = start('children/load.js', cores?.others)
  await load.next()
  const settings = settingsOf(tenantStarted)
  const by = { ...settings, ...tenantStarted }
  say(`minting ${pace.tokens} tokens`)
  const pools = await writePools(dir, pace, by)
  const expired = await mintExpired(by)

  return {
    ...{ pace, cores, pools, expired, load, settings },
    startServer: async (variant, nodeArgs = []) => {
      await tenant.ask('reset')
      const { script, args = [], options = {} } = variant
      const env = { BENCH_SETTINGS: JSON.stringify({ ...settings, options }), NODE_EXTRA_CA_CERTS: certificate }
      const pinned = { dir, cores: cores?.server }
      const child = Child.start({ script: `variants/${script}.js`, args, nodeArgs, env, ...pinned })
      const started = await child.next<Started>(startWithinSeconds)
      if ('port' in started) return { child, ...started }
      await child.stop()
      if ('absent' in started) return started
      throw new Error(`${variant.name} did not start: ${started.failed}`)
    },
    startPinned: async (script) => {
      const child = start(script, cores?.server)
      await child.next()
      return child
    },
    fetches: () => tenant.ask<Fetches>('fetches'),
    close: async () => {
      await Promise.all([tenant.stop(), load.stop()])
      remove()
    }
  }
}
