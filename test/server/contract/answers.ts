/** An answer → what it has that the document does not promise, as sentences. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { problemMediaType } from '../../../src/plugin/index.js'
import type { Answer } from '../../support/http.js'
import type { NamedOperation, OpenapiDocument } from './document.js'
import type { Verdict } from './expectations.js'

/** What comes with a refusal beside its status: RFC 6750 §3, RFC 9110 §10.2.3. */
const refusals: Readonly<Record<string, readonly [status: number, header: string, value: RegExp]>> = {
  stranger: [401, 'www-authenticate', /^Bearer realm="[^"]+"$/],
  malformed: [400, 'www-authenticate', /^Bearer realm="[^"]+", error="invalid_request"/],
  lacking: [403, 'www-authenticate', /^Bearer realm="[^"]+", error="insufficient_scope"/],
  outage: [503, 'retry-after', /^\d+$/]
}

/** How an answer differs from the verdict that was to be expected. */
export function verdictFindings({ status, headers }: Answer, verdict: Verdict): string[] {
  const refusal = refusals[verdict]
  if (!refusal) return status === 401 || status === 403 ? [`gets ${status} and should be let in`] : []
  const [expected, header, value] = refusal
  if (status !== expected) return [`gets ${status} and should get ${expected}`]
  return [
    ...(value.test(headers.get(header) ?? '') ? [] : [`gets ${status} with ${header} ${headers.get(header)}`]),
    ...(mediaTypeOf(headers) === problemMediaType ? [] : [`gets ${status} that is no problem`])
  ]
}

function mediaTypeOf(headers: Headers): string {
  return headers.get('content-type')?.split(';')[0] ?? ''
}

/** How an answer differs from what its operation lists. */
export type ShapeFindings = (operation: NamedOperation, answer: Answer) => string[]

/** Reads the document's schemas in their own dialect (OpenAPI 3.1 §4.8.24: JSON Schema 2020-12). */
export function shapeChecker(document: OpenapiDocument): ShapeFindings {
  // OpenAPI's own words around the schemas are no schema's, and `format` is a hint.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, schemas: { document } })
  return ({ path, method, operation }, { status, headers, body }) => {
    const response = operation.responses[status]
    if (!response) return [`gets ${status}, which is not listed`]
    const unsent = Object.keys(response.headers ?? {}).filter((name) => !headers.has(name))
    const missing = unsent.map((name) => `gets ${status} without ${name}`)
    const type = mediaTypeOf(headers)
    if (!response.content?.[type]) return [...missing, `gets ${status} as ${type}, which is not listed`]
    const place = ['paths', path, method.toLowerCase(), 'responses', status, 'content', type, 'schema']
    const validate = ajv.getSchema(`document#/${place.map(pointer).join('/')}`)
    if (validate?.(JSON.parse(body))) return missing
    return [...missing, `gets ${status} with a body that is not as listed: ${ajv.errorsText(validate?.errors)}`]
  }
}

/** RFC 6901 §6: a JSON pointer in a URI fragment. */
function pointer(part: string | number): string {
  return encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'))
}
