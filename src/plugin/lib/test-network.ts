/**
 * What `fastify-entra/testing` puts in place of the network. It stands in the options under a symbol that only this file has: JSON, variables
 * and other code cannot supply it. Where `NODE_ENV` is `production`, registration with it throws.
 */
import { EntraConfigurationError } from './configuration-error.js'
import type { SendRequest } from './json-client.js'

/** Follows requests of a test through the hook and the guards of the plugin; no other request is affected. */
export interface RequestProbe {
  /** Called once, with what identifies the app, and all networks of its options. */
  attach(app: object, networks: readonly TestNetwork[]): void
  /** Called with each request that the hook lets through. True: the probe answers it. */
  entered(request: object, reply: object): boolean
  /** The rule that is evaluated: one that calls no policy, for a request of a test. */
  ruleFor<Rule extends object>(request: object, rule: Rule): Rule
  /** Called with each rule that a request satisfies. True: the probe answers it. */
  satisfied(request: object, reply: object, rule: object): boolean
}

/** One test tenant, as the plugin sees it. */
export interface TestNetwork {
  /** Whether an address is one of this tenant. */
  readonly knows: (url: string) => boolean
  /** Answers in place of a socket. */
  readonly send: SendRequest
  readonly probe: RequestProbe
}

/** Not exported, and not `Symbol.for`. */
const slot = Symbol('fastify-entra.testNetwork')

/** The options with a network. A copy with `{ ...options }` keeps it. */
export function withTestNetwork<Options extends object>(options: Options, network: TestNetwork): Options {
  return { ...options, [slot]: network }
}

/**
 * The network in these options, as a list of one, or none.
 *
 * @throws EntraConfigurationError in production, and where it is of another copy of this package
 */
export function testNetworksIn(options: object): readonly TestNetwork[] {
  const found = Object.getOwnPropertySymbols(options).filter(({ description }) => description === slot.description)
  if (found.length === 0) return []
  // `set NODE_ENV=production && node` of Windows leaves a space behind it.
  if (process.env.NODE_ENV?.trim().toLowerCase() === 'production')
    throw new EntraConfigurationError(
      'the options are those of a test tenant (fastify-entra/testing), and NODE_ENV is production; give the options of a real tenant, or run tests with another NODE_ENV'
    )
  if (!Object.hasOwn(options, slot))
    throw new EntraConfigurationError(
      'the options are those of a test tenant of another copy of fastify-entra; install the package once, and load it once'
    )
  return [(options as { readonly [slot]: TestNetwork })[slot]]
}

/** Sends each request to the network that knows its address, never to a socket. `undefined` without a network. */
export function sendOver(networks: readonly TestNetwork[]): SendRequest | undefined {
  const [first] = networks
  return first && ((url, init) => (networks.find(({ knows }) => knows(url)) ?? first).send(url, init))
}
