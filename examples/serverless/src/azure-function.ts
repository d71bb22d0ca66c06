/** An Azure Function with an HTTP trigger (programming model v4): the verifier, without Fastify. */
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions'
import { createVerifier, credentialsOf, requireScope } from 'fastify-entra/verifier'
import { readSettings } from './settings.js'

const verifier = createVerifier(readSettings(process.env))
await verifier.ready()
const readOrders = verifier.declareOperation('orders.read', requireScope('Orders.Read'))

/** `GET /api/orders`. */
export async function orders(request: HttpRequest, { invocationId }: InvocationContext): Promise<HttpResponseInit> {
  try {
    const caller = await verifier.verify(credentialsOf(request.headers.get('authorization')))
    const { id } = await readOrders(caller)
    return { jsonBody: { orders: [], for: id } }
  } catch (error) {
    const { status, headers, body } = verifier.answerTo(error, invocationId)
    return { status, headers, jsonBody: body }
  }
}

// Not the function keys of the platform: the token decides.
app.http('orders', { methods: ['GET'], authLevel: 'anonymous', handler: orders })
