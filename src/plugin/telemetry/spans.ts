/** Spans for calls to other services, and what the span of a request says of a decision. A cached token makes none. */
import { type DecisionEvent, decisionChannelName } from '../audit/decision-channel.js'
import { type Calls, fetches, followCalls, listenTo, lookups } from './calls.js'
import type { Attributes } from './tally.js'

interface Span {
  setAttributes(attributes: Attributes): unknown
  setStatus(status: { code: number }): unknown
  end(): void
}

/** The part of `@opentelemetry/api` that spans need. */
export interface TraceApi {
  readonly trace: {
    getTracer(name: string): { startSpan(name: string, options?: { kind?: number; attributes?: Attributes }): Span }
    getActiveSpan(): Span | undefined
  }
  readonly SpanKind: { readonly INTERNAL: number; readonly CLIENT: number }
  readonly SpanStatusCode: { readonly ERROR: number }
}

/** Starts a span for each call, and describes decisions on the active one; the result stops that. */
export function startSpans(api: TraceApi, scope: string): () => void {
  const { CLIENT, INTERNAL } = api.SpanKind
  const stops = [
    showCalls(api, scope, fetches, ({ method }) => ({ name: method, kind: CLIENT })),
    showCalls(api, scope, lookups, ({ name }) => ({ name: `fastify_entra.lookup ${name}`, kind: INTERNAL })),
    describeDecisions(api)
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function showCalls<Message extends object>(
  { trace, SpanStatusCode }: TraceApi,
  scope: string,
  calls: Calls<Message>,
  shownAs: (message: Message) => { readonly name: string; readonly kind: number }
): () => void {
  const tracer = trace.getTracer(scope)
  const begin = (message: Message, attributes: Attributes) => {
    const { name, kind } = shownAs(message)
    return tracer.startSpan(name, { kind, attributes })
  }
  return followCalls(calls, begin, (span, _attributes, errorType) => {
    if (errorType !== undefined) {
      span.setAttributes({ 'error.type': errorType })
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
    span.end()
  })
}

function describeDecisions({ trace }: TraceApi): () => void {
  return listenTo<DecisionEvent>(decisionChannelName, ({ outcome, operation, rule, code }) => {
    trace.getActiveSpan()?.setAttributes({
      'fastify_entra.outcome': outcome,
      ...(operation !== undefined && { 'fastify_entra.operation': operation }),
      ...(rule !== undefined && { 'fastify_entra.rule': rule }),
      ...(code !== undefined && { 'fastify_entra.code': code })
    })
  })
}
