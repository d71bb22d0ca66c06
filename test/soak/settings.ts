/** What the API of a soak is told, and what it tells. */

/** Ways to break the API on purpose, to show that a soak notices. */
export const defects = ['revocation', 'fail-open', 'on-behalf-of', 'stream', 'timers'] as const
export type Defect = (typeof defects)[number]

export interface ApiSettings {
  /** Origin of the tenant. */
  readonly authority: string
  /** The other provider. */
  readonly issuer: string
  readonly redisUrl: string
  /** The API that `/photo` calls. */
  readonly downstream: string
  readonly defects: readonly Defect[]
}

/** How the API is at the moment. */
export interface ApiSample {
  readonly rss: number
  readonly heapUsed: number
  /** What keeps its event loop alive, by kind: `process.getActiveResourcesInfo()`. */
  readonly resources: Readonly<Record<string, number>>
  /** Connections to the two APIs. */
  readonly sockets: number
  /** Event streams that are open. */
  readonly streams: number
  /** 99th percentile of the event loop's delay since the last sample, in milliseconds. */
  readonly loopP99: number
}

/** What it had to say that nobody should have to. */
export interface ApiComplaints {
  /** Lines of its log at level error, by message; those of outages are expected. */
  readonly errors: Readonly<Record<string, number>>
  /** Warnings of the process, such as of too many listeners, and rejections that nobody handled. */
  readonly warnings: readonly string[]
}

export interface ApiStatus {
  /** States of the keys of the tenant's version 2, and of all issuers. */
  readonly v2: string
  readonly all: readonly string[]
}

/** Questions, and their answers. */
export interface Answers {
  readonly sample: ApiSample
  readonly status: ApiStatus
  readonly complaints: ApiComplaints
  /** Collects garbage, and says how many signals of streams are still in memory. */
  readonly settle: { readonly signals: number; readonly heapUsed: number }
  /** Closes; then the process must end by itself. */
  readonly close: true
}
export type Question = keyof Answers
