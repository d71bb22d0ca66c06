/** How long the caller of a process that starts cold waits: from its begin to the first verified token. */
import { aside } from '../harness/variants.js'
import { firstLine, type Server, type World } from '../harness/world.js'
import { type Spread, spread } from '../report/stats.js'

export interface ColdStart {
  readonly name: string
  readonly ms: Spread | undefined
}

interface Kind {
  readonly name: string
  readonly kind: string
  /** With keys that come with the program; otherwise they are fetched. */
  readonly preloaded?: boolean
}

const kinds: readonly Kind[] = [
  { name: 'Node.js alone', kind: 'node' },
  { name: 'the verifier, `preloadedKeys`', kind: 'verifier', preloaded: true },
  { name: 'the verifier', kind: 'verifier' },
  { name: 'Fastify with the plugin, `preloadedKeys`', kind: 'plugin', preloaded: true },
  { name: 'Fastify with the plugin', kind: 'plugin' },
  { name: 'jose', kind: 'jose' },
  { name: 'aws-jwt-verify', kind: 'aws-jwt-verify' }
]

async function start(world: World, options: Readonly<Record<string, unknown>>): Promise<Server & { sets?: unknown }> {
  const token = await firstLine(world.pools.good.file)
  const server = await world.startServer(aside('cold', { ...world.settings, token, ...options }))
  if ('absent' in server) throw new Error(server.absent)
  await server.child.stop()
  return server
}

/** They take turns, as the variants of a load do. */
export async function runCold(world: World): Promise<readonly ColdStart[]> {
  const { sets: keys } = await start(world, { kind: 'save' })
  const times = new Map<string, number[]>(kinds.map(({ name }) => [name, []]))
  for (let round = 0; round < world.pace.rounds * 3; round += 1)
    for (const { name, kind, preloaded } of kinds) {
      const { startMs } = await start(world, { kind, ...(preloaded && { keys }) })
      times.get(name)?.push(startMs)
    }
  return kinds.map(({ name }) => ({ name, ms: spread(times.get(name) ?? []) }))
}
