import { randomUUID } from 'node:crypto'

/** What Entra ID refuses by a number (Microsoft: "Microsoft Entra authentication and authorization error codes"). */
const refusals = {
  50059: ['invalid_request', 'The request names no tenant. An application without a user asks at the endpoint of one.'],
  700016: ['unauthorized_client', 'The directory has no application of this ID.']
} as const

/** A refusal of the token endpoint: the members of RFC 6749 §5.2, and those that Entra ID's support asks for. */
export function refusal(code: keyof typeof refusals) {
  const [error, message] = refusals[code]
  const [trace_id, correlation_id] = [randomUUID(), randomUUID()]
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`
  const description = [
    `AADSTS${code}: ${message}`,
    `Trace ID: ${trace_id}`,
    `Correlation ID: ${correlation_id}`,
    `Timestamp: ${timestamp}`
  ]
  return {
    error,
    error_description: description.join(' '),
    error_codes: [code],
    timestamp,
    trace_id,
    correlation_id,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`
  }
}
