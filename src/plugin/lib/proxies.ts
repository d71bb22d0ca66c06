/**
 * Selects the connection of a request: direct, or through a proxy, by the variables that curl and many other programs read. Requests to
 * loopback never use a proxy, whatever the variables say: plain http is accepted there because no other host is involved.
 */
import { isIP } from 'node:net'
import { Agent, type Dispatcher, ProxyAgent } from 'undici'
import { EntraConfigurationError } from './configuration-error.js'
import { networkFrom } from './networks.js'
import { connectPrivately } from './private-network.js'
import { isLoopback } from './validate.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Direct connections and those through proxies, each with their own sockets. */
export interface Proxies {
  /** The dispatcher for a URL. */
  dispatcherFor(url: URL): Dispatcher
  /** Closes the sockets. */
  destroy(): Promise<void>
}

/** Hosts with their ports, such as `keycloak:8080`, from which plain http is accepted if they are at a private address. */
export type InsecureHosts = ReadonlySet<string>

/** The host and port of a URL with plain http, as {@link InsecureHosts} has them. */
export const insecureHostOf = ({ hostname, port }: URL) => `${hostname}:${port || '80'}`

/**
 * Reads `HTTP_PROXY`, `HTTPS_PROXY` (where it is not set: `HTTP_PROXY`) and `NO_PROXY`, in lower case first.
 *
 * @throws EntraConfigurationError where the value of one cannot be used; it names the variable, and not the value, which may hold a password
 */
export function createProxies(
  options: Agent.Options,
  environment: Environment = process.env,
  insecureHosts: InsecureHosts = new Set()
): Proxies {
  const direct = new Agent(options)
  const privately = new Agent({ ...options, connect: connectPrivately })
  const { http, https, proxyFor } = proxiesIn(environment, options)
  return {
    dispatcherFor(url) {
      // A proxy would be a further party that can replace the keys.
      if (isInsecure(url, insecureHosts)) return privately
      return proxyFor(url)?.agent ?? direct
    },
    async destroy() {
      // Bun replaces undici by its own, whose agents have no sockets and no `destroy`.
      await Promise.all([...new Set([direct, privately, http?.agent, https?.agent])].map((each) => each?.destroy?.()))
    }
  }
}

/**
 * The proxy that {@link createProxies} selects for a URL: the name of its variable, and its address, without user and password.
 *
 * @returns `undefined` for a direct connection
 * @throws EntraConfigurationError as {@link createProxies}
 */
export function proxyInWords(url: URL, environment: Environment, insecureHosts: InsecureHosts): string | undefined {
  const { proxyFor } = proxiesIn(environment, {})
  return isInsecure(url, insecureHosts) ? undefined : proxyFor(url)?.words
}

interface Proxy {
  readonly agent: ProxyAgent
  /** Its variable and address, without credentials. */
  readonly words: string
}

const isInsecure = (url: URL, insecureHosts: InsecureHosts) =>
  url.protocol === 'http:' && insecureHosts.has(insecureHostOf(url))

function proxiesIn(environment: Environment, options: Agent.Options) {
  const http = proxyFrom(['http_proxy', 'HTTP_PROXY'], environment, options)
  const https = proxyFrom(['https_proxy', 'HTTPS_PROXY'], environment, options) ?? http
  const isExempt = exemptions(readVariable(['no_proxy', 'NO_PROXY'], environment).value)
  const proxyFor = (url: URL) => {
    const proxy = url.protocol === 'https:' ? https : http
    return proxy === undefined || isLoopback(url.hostname) || isExempt(url) ? undefined : proxy
  }
  return { http, https, proxyFor }
}

/** RFC 3986 §3.2: without a scheme, and without credentials. */
const hostAndPort = /^(\[[\da-f:]+\]|[^\s:@/?#[\]]+):\d{1,5}$/i

/** The first of the names that is set, as curl reads them, without surrounding white space. */
function readVariable(names: readonly string[], environment: Environment) {
  const name = String(names.find((each) => environment[each] !== undefined))
  return { name, value: environment[name]?.trim() ?? '' }
}

function proxyFrom(names: readonly string[], environment: Environment, options: Agent.Options): Proxy | undefined {
  const { name, value } = readVariable(names, environment)
  if (value === '') return undefined
  try {
    // `proxy.corp:3128` is common; the URL parser would take `proxy.corp:` as the scheme.
    const url = new URL(hostAndPort.test(value) ? `http://${value}` : value)
    // A password with a `#` that is not percent-encoded ends in the middle of the URL.
    const isPlain = url.pathname === '/' && url.search === '' && url.hash === ''
    if (isPlain && /^https?:$/.test(url.protocol))
      return { agent: new ProxyAgent({ ...options, uri: url.href }), words: `${url.origin} of ${name}` }
  } catch {
    // The thrown error contains the address, and so the password of the proxy.
  }
  const wanted = 'give http://user:password@host:port, with user and password percent-encoded, or host:port'
  throw new EntraConfigurationError(`${name} cannot be used; ${wanted}`)
}

/** What `NO_PROXY` exempts: `*`, names with their subdomains, addresses, and networks (CIDR); all except networks may have a port. */
function exemptions(list: string): (url: URL) => boolean {
  const entries = list.split(/[\s,]+/).filter((entry) => entry !== '')
  const matches = entries.map((entry) => networkFrom(entry) ?? nameOf(entry))
  return (url) => matches.some((match) => match(hostOf(url), url.port || (url.protocol === 'https:' ? '443' : '80')))
}

type Match = (host: string, port: string) => boolean

const hostOf = ({ hostname }: URL) => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')

function nameOf(entry: string): Match {
  if (entry === '*') return () => true
  const [, bracketed, plain = entry, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? []
  const name = (bracketed ?? plain).toLowerCase().replace(/^\*?\.|\.$/g, '')
  const isName = (host: string) => host === name || (isIP(host) === 0 && host.endsWith(`.${name}`))
  return (host, to) => isName(host) && (port === undefined || port === to)
}
