/**
 * What a platform does with a function, in a process of its own: loads the bundle, and gives it one event for each message. It answers with
 * status, headers and body.
 */
import { pathToFileURL } from 'node:url'

const [bundle, platform] = process.argv.slice(2)
const functions = await import(pathToFileURL(String(bundle)).href)

/** @param {Record<string, string>} headers */
const lambdaEvent = (headers) => ({
  ...{ version: '2.0', routeKey: '$default', rawPath: '/orders', rawQueryString: '' },
  headers: { host: 'api.example', ...headers },
  requestContext: { http: { method: 'GET', path: '/orders', sourceIp: '192.0.2.1' }, stage: '$default' },
  isBase64Encoded: false
})

/** @type {Record<string, (headers: Record<string, string>) => Promise<object>>} */
const platforms = {
  async lambda(headers) {
    const context = { callbackWaitsForEmptyEventLoop: true }
    const { statusCode, headers: sent, body } = await functions.handler(lambdaEvent(headers), context)
    return { status: statusCode, headers: sent, body }
  },
  async azure(headers) {
    const { HttpRequest, HttpResponse, InvocationContext } = (await import('@azure/functions')).default
    const request = new HttpRequest({ method: 'GET', url: 'https://api.example/api/orders', headers })
    const context = new InvocationContext({ invocationId: 'invocation-1', functionName: 'orders' })
    const response = new HttpResponse(await functions.orders(request, context))
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
  }
}

process.on('message', (headers) => {
  const answer = platforms[String(platform)]?.(/** @type {Record<string, string>} */ (headers))
  answer?.then((sent) => process.send?.(sent))
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
