/** An Express 5 server with one route, the same for every variant on Express. */
import express from 'express'
import { serve } from './serve.js'

/** @typedef {import('express').RequestHandler} Handler */

/**
 * @param {(settings: import('../types.js').ServerSettings) => Handler[]} protect the middleware in front of the route
 */
export function serveExpress(protect) {
  return serve(async (settings) => {
    const app = express()
    for (const handler of protect(settings)) app.use(handler)
    app.get('/', (_request, response) => void response.json({ ok: true }))
    app.use(toAnswer)
    return new Promise((resolve, reject) => {
      const server = app.listen(0, '127.0.0.1', (error) => (error ? reject(error) : resolve(server)))
    })
  })
}

/**
 * Without a handler of errors Express prints every refusal with its stack; no server in earnest is left like that.
 *
 * @type {import('express').ErrorRequestHandler}
 */
const toAnswer = (error, _request, response, _next) =>
  void response.status(error.status ?? 500).json({ error: error.code ?? error.name })
