/** Imports the library, or what the last argument names, in a fresh process, and says how long it took, or what was loaded: never both, as hooks take time. */
import { createRequire, register } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'

const library = new URL('../../dist/plugin/index.js', import.meta.url).href
process.on('disconnect', () => process.exit())

/** @param {string} what */
async function time(what) {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  await import(what)
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return { ms, cpuMs: (user + system) / 1000 }
}

/** ES modules by a hook; what CommonJS modules load among themselves is in the cache of `require`. */
async function files() {
  const { port1, port2 } = new MessageChannel()
  /** @type {Set<string>} */
  const loaded = new Set()
  port1.on('message', (url) => loaded.add(url)).unref()
  register('./import-hooks.js', import.meta.url, { data: { port: port2 }, transferList: [port2] })
  await import(library)
  await setTimeout(100)
  const paths = [...loaded].filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url))
  const required = Object.keys(createRequire(import.meta.url).cache)
  return { files: [...new Set([...paths, ...required])] }
}

const [what, specifier = library] = process.argv.slice(2)
process.send?.(await (what === 'files' ? files() : time(specifier)))
