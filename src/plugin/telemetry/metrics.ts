/** The metrics: their names and units by OpenTelemetry's conventions ("General metric semantic conventions"), and what they mean. */

/** One metric. */
export interface Metric {
  /** A counter only grows; a gauge is read when it is collected; a histogram gets each measurement. */
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** UCUM, as OpenTelemetry writes units; braces are annotations. */
  readonly unit: string
  readonly description: string
  /** Names of its attributes; one that does not apply is left out. */
  readonly attributes: readonly string[]
}

/** Upper bounds of a histogram's buckets, in seconds: from a cached token to a call that reaches its deadline. */
export const secondsBuckets: readonly number[] = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
]

export const metrics = {
  'fastify_entra.verifications': {
    kind: 'counter',
    unit: '{token}',
    description: 'Tokens that were verified or refused, and requests without one',
    attributes: ['fastify_entra.outcome', 'fastify_entra.token.known', 'error.type']
  },
  'fastify_entra.verification.duration': {
    kind: 'histogram',
    unit: 's',
    description:
      'Time from reading a token to its decision, with what it waits for; of tokens from the cache one in a hundred is measured',
    attributes: ['fastify_entra.outcome', 'fastify_entra.token.known']
  },
  'fastify_entra.decisions': {
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions of guards by the pattern of the route, and refusals before any guard',
    attributes: [
      ...(['fastify_entra.outcome', 'http.request.method', 'http.route'] as const),
      ...(['fastify_entra.operation', 'fastify_entra.rule', 'error.type'] as const)
    ]
  },
  'fastify_entra.fetch.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time of requests to issuers and to Microsoft Graph',
    attributes: ['server.address', 'http.request.method', 'error.type']
  },
  'fastify_entra.lookup.duration': {
    kind: 'histogram',
    unit: 's',
    description:
      'Time of lookups that no cache answered: groups, tenants, tokens for other APIs, Redis, and calls of isRevoked and of policies that return a promise',
    attributes: ['fastify_entra.lookup.name', 'error.type']
  },
  'fastify_entra.circuits.open': {
    kind: 'gauge',
    unit: '{circuit}',
    description: 'Circuits that are open, so that no call is made: of a lookup one for all, and one for each directory',
    attributes: ['fastify_entra.lookup.name']
  },
  'fastify_entra.certificate.remaining': {
    kind: 'gauge',
    unit: 's',
    description: 'Time until the certificate of this API expires; negative once it has',
    attributes: ['fastify_entra.client_id']
  },
  'fastify_entra.token_cache.tokens': {
    kind: 'gauge',
    unit: '{token}',
    description: 'Verified tokens in the token cache',
    attributes: []
  },
  'fastify_entra.keys.count': {
    kind: 'gauge',
    unit: '{key}',
    description: 'Usable keys of an issuer; 0: its tokens get 503',
    attributes: ['fastify_entra.metadata_url']
  },
  'fastify_entra.keys.age': {
    kind: 'gauge',
    unit: 's',
    description: 'Time since the keys of an issuer were fetched',
    attributes: ['fastify_entra.metadata_url']
  }
} as const satisfies Record<string, Metric>

/** The name of a metric, as OpenTelemetry has it. */
export type MetricName = keyof typeof metrics
