/** An AWS Lambda function behind an HTTP API or a function URL: the whole Fastify app, ready before the first event. */
import awsLambdaFastify from '@fastify/aws-lambda'
import Fastify from 'fastify'
import entra, { requireScope } from 'fastify-entra'
import { readSettings } from './settings.js'

const app = Fastify({ logger: true })
await app.register(entra, { ...readSettings(process.env), strictRoutes: true })
app.get('/orders', { config: { auth: requireScope('Orders.Read') } }, async ({ principal }) => ({
  orders: [],
  for: principal.id
}))

/** What Lambda calls. */
export const handler = awsLambdaFastify(app)
await app.ready()
