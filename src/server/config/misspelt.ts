/** Refuses variables that look like the server's own, and would have no effect. */
import { EntraConfigurationError } from '../../plugin/index.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Variables without a common prefix. HOST, PORT and LOG_LEVEL belong to other programs as well, and misspelling them lets nobody in. */
const ownNames = [
  'CORS_ORIGINS',
  'TRUST_PROXY',
  'METRICS',
  'DOCS',
  'DOCS_CLIENT_ID',
  'GRAPH_URL',
  'REDIS_URL',
  'ISSUERS_FILE',
  'RESOURCE_URL',
  'MAX_HEADER_BYTES',
  'RATE_LIMIT',
  'RATE_LIMIT_BY',
  'BAD_TOKEN_LIMIT',
  'SHUTDOWN_DELAY_SECONDS'
]

/** Shorter names are too similar to others: for these, only another case and the singular count as misspelt. */
const leastLength = 8

const prefixes = /^(ENTRA|OIDC|KEYS)_/i

/** Set by Kubernetes for a service named `entra`, `oidc` or `keys` ("Discovering services", environment variables). */
const serviceLinks =
  /^[A-Z]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

/**
 * Refuses names that are nearly the server's: `ENTRA_…`, `OIDC_…` and `KEYS_…` in any case, whatever their value, even an empty one; of the
 * other names those that are one letter, or upper and lower case, away from a variable that is not set.
 *
 * @param known names with one of the prefixes, and other variables of the plugin's options
 * @throws EntraConfigurationError with one sentence that names the variable and the nearest one, never its value
 */
export function refuseMisspelt(env: Environment, known: readonly string[]): void {
  const all = [...known, ...ownNames]
  for (const name of Object.keys(env)) {
    if (all.includes(name) || serviceLinks.test(name)) continue
    if (prefixes.test(name)) throw unknown(name, byNearness(name, known))
    const meant = all.find((own) => !env[own] && isNear(name.toUpperCase(), own))
    if (meant) throw misspelt(name, meant)
  }
}

function unknown(name: string, candidates: readonly string[]): EntraConfigurationError {
  const [nearest = ''] = candidates
  if (distance(name.toUpperCase(), nearest) <= name.length / 4) return misspelt(name, nearest)
  return new EntraConfigurationError(`${name} is not a variable of this server; it has ${candidates.join(', ')}`)
}

function misspelt(name: string, meant: string): EntraConfigurationError {
  const what = `it has ${meant}, which is the nearest name, so use that, or unset ${name}`
  return new EntraConfigurationError(`${name} is not a variable of this server; ${what}`)
}

function byNearness(name: string, candidates: readonly string[]): readonly string[] {
  const away = (candidate: string) => distance(name.toUpperCase(), candidate)
  return [...candidates].sort((one, other) => away(one) - away(other))
}

function isNear(name: string, own: string): boolean {
  if (own.length < leastLength) return name === own || `${name}S` === own
  return Math.abs(name.length - own.length) <= 1 && distance(name, own) <= 1
}

/** The edit distance of two strings (optimal string alignment). */
function distance(from: string, to: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, at) => at)]
  for (let row = 1; row <= from.length; row += 1) {
    const next = [row]
    for (let at = 1; at <= to.length; at += 1) {
      const isSame = from[row - 1] === to[at - 1]
      const isSwapped = row > 1 && at > 1 && from[row - 1] === to[at - 2] && from[row - 2] === to[at - 1]
      const ways = [Number(last[at]) + 1, Number(next[at - 1]) + 1, Number(last[at - 1]) + (isSame ? 0 : 1)]
      next.push(Math.min(...ways, isSwapped ? Number(before[at - 2]) + 1 : Infinity))
    }
    before = last
    last = next
  }
  return Number(last[to.length])
}
