/** Whether a server is right, before anybody asks how fast it is. */

import { isOurs, type Variant } from '../harness/variants.js'
import { firstLine, type Server, type World } from '../harness/world.js'

export interface Checked {
  readonly variant: string
  /** By case; 0 where no answer came. */
  readonly answers?: Readonly<Record<string, number>>
  /** Cases that are answered as no right server does. */
  readonly wrong: readonly string[]
  /** The option that the library does not have yet. */
  readonly absent?: string
  /** Why it did not start. */
  readonly failed?: string
}

/** What a right server may answer: RFC 6750 §3.1 wants 401 for any bad token, and 400 for a request that is malformed. */
export const cases: Readonly<Record<string, readonly number[]>> = {
  good: [200],
  'no token': [401],
  malformed: [400, 401],
  forged: [401],
  expired: [401],
  'unknown kid': [401]
}

const answerWithin = 15_000

async function tokensOf({ pools, expired }: World): Promise<Readonly<Record<string, string | undefined>>> {
  const [good, malformed, forged, unknown] = await Promise.all(
    [pools.good, pools.malformed, pools.forged, pools.unknown].map(({ file }) => firstLine(file))
  )
  return { good, 'no token': undefined, malformed, forged, expired, 'unknown kid': unknown }
}

async function statusOf(server: Server, token: string | undefined): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const signal = AbortSignal.timeout(answerWithin)
  const answer = fetch(`http://127.0.0.1:${server.port}/`, { headers, signal }).then(async (response) => {
    await response.arrayBuffer()
    return response.status
  })
  return answer.catch(() => 0)
}

async function check(world: World, variant: Variant): Promise<Checked> {
  const server = await world.startServer(variant)
  if ('absent' in server) return { variant: variant.name, wrong: [], absent: server.absent }
  const tokens = await tokensOf(world)
  const answers: Record<string, number> = {}
  try {
    for (const name of Object.keys(cases)) answers[name] = await statusOf(server, tokens[name])
  } finally {
    await server.child.stop()
  }
  const wrong = Object.entries(cases).filter(([name, right]) => !right.includes(answers[name] ?? 0))
  return { variant: variant.name, answers, wrong: variant.checked ? wrong.map(([name]) => name) : [] }
}

/** Asks each of the variants; a peer that does not start is shown, and one of ours is a mistake. */
export async function checkAll(world: World, variants: readonly Variant[], mistakes: string[]): Promise<Checked[]> {
  const all: Checked[] = []
  for (const variant of variants) {
    const checked = await check(world, variant).catch(
      (error: Error): Checked => ({ variant: variant.name, wrong: [], failed: error.message })
    )
    all.push(checked)
    if (!isOurs(variant)) continue
    if (checked.failed) mistakes.push(checked.failed)
    for (const name of checked.wrong) mistakes.push(`${variant.name} answers ${checked.answers?.[name]} to: ${name}`)
  }
  return all
}
