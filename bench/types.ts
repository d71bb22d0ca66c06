/** The words that the benchmark's processes speak to each other. */

/** What a server must know to be set up against the tenant. */
export interface ServerSettings {
  /** Origin of the tenant, https. */
  readonly origin: string
  readonly tenantId: string
  readonly clientId: string
  readonly issuer: string
  readonly metadataUrl: string
  readonly jwksUri: string
  /** The signing key, for the limits that fetch nothing. */
  readonly publicPem: string
  /** What this variant alone is given: options of the plugin, or how large to grow. */
  readonly options: Readonly<Record<string, unknown>>
}

/** What a server says once: it listens, and when it had all that it fetches if that was waited for, or why it never will. */
export type Started =
  | { readonly port: number; readonly startMs: number; readonly settledMs?: number }
  | { readonly absent: string }
  | { readonly failed: string }

export interface Usage {
  /** User and system time of all threads since the start, µs. */
  readonly cpuMicros: number
  readonly rss: number
  readonly heapUsed: number
}

/** Tokens of a pool, one a line. */
export interface Slice {
  readonly file: string
  readonly from: number
  readonly count: number
}

/** Tokens of several pools in turn, and how many of a hundred requests carry one of them. */
export interface Share {
  readonly percent: number
  readonly slices: readonly Slice[]
}

/** As many requests as the server answers, on a fixed number of connections, each waiting for its answer. */
export interface Flood {
  readonly kind: 'flood'
  readonly port: number
  readonly path: string
  readonly tokens: Slice
  readonly order: 'turn' | 'random'
  /** What so many of a hundred requests carry instead. */
  readonly others?: readonly Share[]
  readonly connections: number
  /** Ends after so many seconds, or after so many requests if that is given and comes first. */
  readonly seconds: number
  readonly amount?: number
}

/** Requests at a given rate, whatever the server does; every second one is taken from `others`. */
export interface Paced {
  readonly kind: 'paced'
  readonly port: number
  readonly good: Slice
  readonly others: readonly Slice[]
  readonly rate: number
  readonly seconds: number
}

export type Job = Flood | Paced

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly statuses: Readonly<Record<string, number>>
  /** Failed connections, and answers that did not come in time. */
  readonly errors: number
  /** Milliseconds; of a paced job, the good requests' alone. */
  readonly p50: number
  readonly p99: number
}

export interface TenantStarted {
  readonly origin: string
  readonly tenantId: string
  /** Trusted by the servers through NODE_EXTRA_CA_CERTS. */
  readonly certificate: string
  readonly kid: string
  readonly privatePem: string
  readonly publicPem: string
}

export interface Fetches {
  readonly all: number
  /** Of the key set that the tokens' issuer publishes. */
  readonly keys: number
}

export interface CeilingJob {
  readonly name: 'fast-jwt' | 'node:crypto'
  readonly tokens: Slice
  readonly publicPem: string
  readonly seconds: number
}

/** Requests in one process, with metrics and without, in turn. */
export interface MetricsJob {
  readonly library: 'prom-client' | 'OpenTelemetry'
  /** Of each turn. */
  readonly requests: number
  readonly turns: number
}

export interface MetricsResult {
  /** Microseconds of CPU that metrics add to a request, of each turn. */
  readonly added: readonly number[]
}

export interface CeilingResult {
  readonly perSecond: number
  readonly cpuMicros: number
}
