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
// On a busy machine the first fetch can take longer than the start waits for it.
const patience = performance.now() + Number(process.env.FAULTS_PATIENCE ?? 0)
while (!app.entra.ready && performance.now() < patience) await new Promise((resolve) => setTimeout(resolve, 20))
const { ready, issuers } = app.entra
console.log(JSON.stringify({ ready, issuers }))
await app.close()
// A handle that was closed leaves the loop some turns later. No time passes in them: what is left would still be there.
for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
console.log(
  JSON.stringify({
    closed: true,
    left: process.getActiveResourcesInfo().filter((name) => /Timeout|TCP|TLS/.test(name))
  })
)
