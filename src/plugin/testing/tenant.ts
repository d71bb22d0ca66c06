/** {@link createTestTenant}: an issuer in the process of the tests. Its tokens go through the real verification; only the network is replaced. */
import { randomUUID } from 'node:crypto'
import type { EntraTenantOptions } from '../entra/options.js'
import { type TestNetwork, withTestNetwork } from '../lib/test-network.js'
import type { OidcOptions } from '../oidc/options.js'
import type { TokenClaims } from './callers.js'
import { type TestClock, testClock } from './clock.js'
import type { Answerer } from './exchange.js'
import { serve } from './listen.js'
import { Network } from './network.js'
import { probe, recordTenant } from './probe.js'
import { b2cShape } from './shapes/b2c.js'
import { entraShape } from './shapes/entra.js'
import { oidcShape } from './shapes/oidc.js'
import type { Shape, TestTenantOptions } from './shapes/shape.js'
import { SigningKeys } from './signing-keys.js'
import type { OnTokenRequest } from './token-endpoint.js'
import { createTokens, type TestTokens } from './tokens.js'

/** A tenant for tests, or another issuer. */
export interface TestTenant extends TestTokens {
  /** What `app.register(entra, …)` and `createVerifier(…)` take, also in a copy with more options: `{ ...tenant.options, strictRoutes: true }`. */
  readonly options: EntraTenantOptions | OidcOptions
  /** The `tid` of its tokens; of another provider the issuer. */
  readonly tenantId: string
  /** The client of its tokens, unless a call names another. */
  readonly callerId: string
  /** From now on a new key signs. With `withdraw: true` earlier ones are not published any more. Default: false. */
  rotateKeys(options?: { readonly withdraw?: boolean }): void
  /** From now on no document, and no token for another API, can be fetched. */
  goDown(): void
  /** Ends {@link TestTenant.goDown}. */
  comeUp(): void
  /** The clocks of the process. */
  readonly clock: TestClock
  /** Answers the API's requests for tokens of other APIs. Default: each gets one. */
  onTokenRequest(answer: OnTokenRequest): void
  /** Answers the API's requests to another service, such as `https://graph.microsoft.com` for groups. */
  answer(origin: string, answer: Answerer): void
  /**
   * Serves the tenant on a free port of loopback, for an API in another process, which gets `tenant.options` as JSON or in its variables. Its
   * tokens name that origin from then on, so call it first.
   *
   * @returns the origin
   * @throws Error after `options` was read, or a token was made
   */
  listen(): Promise<string>
  /** Ends {@link TestTenant.listen}, and sets the clocks right. */
  close(): Promise<void>
}

const shapes = { v2: entraShape, v1: entraShape, b2c: b2cShape, oidc: oidcShape } as const

/**
 * Creates a test tenant, which takes about a tenth of a second, for its key. Nothing has to be closed unless it listens or moves the clocks.
 *
 * @throws Error when an option is unknown, or is not for this shape
 */
export async function createTestTenant(options: TestTenantOptions = {}): Promise<TestTenant> {
  const shape = shapeFor(options)
  const keys = await SigningKeys.create()
  const network = new Network(shape, keys)
  const { callerId = randomUUID() } = options
  const asNetwork: TestNetwork = { knows: (url) => network.knows(url), send: network.send, probe }
  let isUsed = false
  const sign = (claims: TokenClaims, header: TokenClaims = shape.header) => {
    isUsed = true
    return keys.sign(claims, header)
  }
  const tokens = createTokens(shape, callerId, sign)
  let listening: Awaited<ReturnType<typeof serve>> | undefined
  const tenant: TestTenant = {
    ...tokens,
    callerId,
    get options() {
      isUsed = true
      return withTestNetwork(shape.options(), asNetwork)
    },
    get tenantId() {
      const { tenantId = '', issuer = tenantId } = shape.options() as Partial<EntraTenantOptions & OidcOptions>
      return issuer
    },
    rotateKeys: ({ withdraw = false } = {}) => keys.rotate(withdraw),
    goDown: () => void Object.assign(network, { isDown: true }),
    comeUp: () => void Object.assign(network, { isDown: false }),
    clock: testClock,
    onTokenRequest: (onTokenRequest) => void Object.assign(network, { onTokenRequest }),
    answer: (origin, answerer) => network.answer(origin, answerer),
    async listen() {
      if (isUsed)
        throw new Error(
          'listen() changes the issuer of the test tenant; call it before options are read and tokens are made'
        )
      listening ??= await serve(network)
      shape.moveTo(listening.origin)
      return listening.origin
    },
    async close() {
      testClock.reset()
      await listening?.close()
    }
  }
  recordTenant(asNetwork, tenant)
  return Object.freeze(tenant)
}

/** The options that each shape has. */
const ofEntra = ['shape', 'tenantId', 'clientId', 'callerId', 'audience', 'authority']
const known = {
  v2: ofEntra,
  v1: ofEntra,
  b2c: [...ofEntra, 'userFlow'],
  oidc: ['shape', 'callerId', 'audience', 'issuer']
}

function shapeFor(options: TestTenantOptions): Shape {
  const { shape = 'v2' } = options
  if (!Object.hasOwn(shapes, shape))
    throw new Error(`there is no shape "${String(shape)}"; the shapes are ${Object.keys(shapes).join(', ')}`)
  const unknown = Object.keys(options).find((name) => !known[shape].includes(name))
  if (unknown)
    throw new Error(
      `a test tenant of the shape ${shape} has no option "${unknown}"; its options are ${known[shape].join(', ')}`
    )
  return shapes[shape](options)
}
