/** Counts and measures what the channels publish, and hands it to a library of metrics. */
import { type DecisionEvent, decisionChannelName } from '../audit/decision-channel.js'
import { type VerificationEvent, verificationChannelName } from '../audit/verification-channel.js'
import { type CircuitMessage, circuitChannelName } from '../lib/lookup-channels.js'
import { type Calls, fetches, followCalls, listenTo, lookups } from './calls.js'
import type { MetricName } from './metrics.js'
import { type Attributes, type Count, Tally } from './tally.js'

/** A library of metrics. */
export interface Meters {
  /** Creates a counter or a gauge that is read when it is collected. */
  observe(name: MetricName, read: () => Iterable<Readonly<Count>>): void
  /** Creates a histogram; the result records a value. */
  measure(name: MetricName): (value: number, attributes: Attributes) => void
  /** Takes all of them out of the library. */
  stop(): void
}

/** What has gauges: `app.entra`, or a verifier. */
export interface TelemetrySource {
  readonly cachedTokens: number
  readonly issuers: readonly {
    readonly metadataUrl: string
    readonly state: string
    readonly keys: number
    readonly ageSeconds?: number
  }[]
  readonly certificates?: readonly { readonly clientId: string; readonly expiresAt: number }[]
}

/** What {@link startOpenTelemetry} and {@link startPrometheus} return. */
export interface Telemetry {
  /** Stops measuring, and takes the metrics out of the library. */
  stop(): void
}

/** Of the tokens from the cache one in this many is measured: measuring each would cost more than a few percent of it. */
const sampled = 100

/** Records until it is stopped. */
export function record(meters: Meters, source: TelemetrySource): Telemetry {
  recordGauges(meters, source)
  const stops = [
    recordVerifications(meters),
    recordDecisions(meters),
    recordCalls(meters, 'fastify_entra.fetch.duration', fetches),
    recordCalls(meters, 'fastify_entra.lookup.duration', lookups),
    recordCircuits(meters)
  ]
  return {
    stop() {
      for (const stop of stops) stop()
      meters.stop()
    }
  }
}

function recordGauges(meters: Meters, source: TelemetrySource): void {
  // Not by the name of the issuer, which the user flows of a tenant share.
  const attributesOf = (metadataUrl: string): Attributes => ({ 'fastify_entra.metadata_url': metadataUrl })
  meters.observe('fastify_entra.token_cache.tokens', () => [{ attributes: {}, value: source.cachedTokens }])
  meters.observe('fastify_entra.keys.count', () =>
    source.issuers.flatMap(({ metadataUrl, state, keys }) => {
      const value = state === 'cold' ? 0 : keys
      const isAbsent = state === 'fresh' && keys === 0 // the v1 issuer of an authority that has none
      return isAbsent ? [] : [{ attributes: attributesOf(metadataUrl), value }]
    })
  )
  meters.observe('fastify_entra.certificate.remaining', () =>
    (source.certificates ?? []).map(({ clientId, expiresAt }) => ({
      attributes: { 'fastify_entra.client_id': clientId },
      value: expiresAt - Date.now() / 1000
    }))
  )
  meters.observe('fastify_entra.keys.age', () =>
    source.issuers.flatMap(({ metadataUrl, ageSeconds }) =>
      ageSeconds === undefined ? [] : [{ attributes: attributesOf(metadataUrl), value: ageSeconds }]
    )
  )
}

function recordVerifications(meters: Meters): () => void {
  const tally = new Tally()
  const cached: Count = { attributes: verificationOf('accepted', true), value: 0 }
  meters.observe('fastify_entra.verifications', () => [...(cached.value > 0 ? [cached] : []), ...tally.counts])
  const measure = meters.measure('fastify_entra.verification.duration')
  let seen = 0
  return listenTo<VerificationEvent>(verificationChannelName, ({ outcome, known, code, milliseconds }) => {
    if (known && code === undefined) cached.value += 1
    else
      tally.add(`${outcome} ${known} ${code}`, () => ({
        ...verificationOf(outcome, known),
        ...(code !== undefined && { 'error.type': code })
      }))
    if (known) seen += 1
    if (!known || seen % sampled === 1) measure(milliseconds / 1000, verificationOf(outcome, known))
  })
}

const verificationOf = (outcome: VerificationEvent['outcome'], known: boolean): Attributes => ({
  'fastify_entra.outcome': outcome,
  'fastify_entra.token.known': known
})

function recordDecisions(meters: Meters): () => void {
  const tally = new Tally()
  meters.observe('fastify_entra.decisions', () => tally.counts)
  const add = ({ outcome, operation, rule, code, ...on }: DecisionEvent): Count => {
    // A refusal before any guard is about the token: by routes, callers could make a series of each route and code.
    const route = outcome === 'refused' ? undefined : on.route
    return tally.add(`${outcome} ${code} ${operation} ${rule} ${route}`, () => ({
      'fastify_entra.outcome': outcome,
      ...(route !== undefined && placeOf(route)),
      ...(operation !== undefined && { 'fastify_entra.operation': operation }),
      ...(rule !== undefined && { 'fastify_entra.rule': rule }),
      ...(code !== undefined && { 'error.type': code })
    }))
  }
  // A guard that a route declares publishes the same event for each caller whom it allows.
  const known = new WeakMap<DecisionEvent, Count>()
  return listenTo<DecisionEvent>(decisionChannelName, (event) => {
    const count = known.get(event)
    if (count) count.value += 1
    else if (Object.isFrozen(event)) known.set(event, add(event))
    else add(event)
  })
}

/** Method and pattern, as two attributes. */
function placeOf(route: string): Attributes {
  const [method = '', pattern = ''] = route.split(/ (.*)/s)
  return { 'http.request.method': method, 'http.route': pattern }
}

/** A lookup whose circuits were open before stays, with 0. One that is not called any more does not say that its time is over. */
function recordCircuits(meters: Meters): () => void {
  const openUntil = new Map<string, Map<object, number>>()
  const open = (ofName: Map<object, number>) => {
    const now = performance.now()
    for (const [circuit, until] of ofName) if (until <= now) ofName.delete(circuit)
    return ofName.size
  }
  meters.observe('fastify_entra.circuits.open', () =>
    [...openUntil].map(([name, ofName]) => ({
      attributes: { 'fastify_entra.lookup.name': name },
      value: open(ofName)
    }))
  )
  return listenTo<CircuitMessage>(circuitChannelName, ({ name, circuit, openSeconds }) => {
    const ofName = openUntil.get(name) ?? new Map<object, number>()
    openUntil.set(name, ofName)
    ofName.set(circuit, performance.now() + openSeconds * 1000)
    open(ofName)
  })
}

/** Measures calls from their begin to their end, and those that failed by the kind of the error. */
function recordCalls<Message extends object>(meters: Meters, metric: MetricName, calls: Calls<Message>): () => void {
  const measure = meters.measure(metric)
  const begin = () => performance.now()
  return followCalls(calls, begin, (start, attributes, errorType) => {
    const failed = errorType !== undefined && { 'error.type': errorType }
    measure((performance.now() - start) / 1000, { ...attributes, ...failed })
  })
}
