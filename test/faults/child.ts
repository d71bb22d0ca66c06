/** The plugin in a process of its own, with that process's proxy and certificates; ends by itself or not at all. */
import Fastify from 'fastify'
import entra, { type EntraOptions } from '../../src/plugin/index.js'

process.on('unhandledRejection', (reason) => {
  console.log(JSON.stringify({ unhandled: String(reason) }))
  process.exitCode = 2
})

const app = Fastify()
await app.register(entra, JSON.parse(process.env.FAULTS_OPTIONS ?? '{}') as EntraOptions)
await app.listen({ host: '127.0.0.1', port: 0 })
const { ready, issuers } = app.entra
console.log(JSON.stringify({ ready, issuers }))
await app.close()
// A handle that was closed leaves the loop a turn or two later.
for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
console.log(
  JSON.stringify({
    closed: true,
    left: process.getActiveResourcesInfo().filter((name) => /Timeout|TCP|TLS/.test(name))
  })
)
