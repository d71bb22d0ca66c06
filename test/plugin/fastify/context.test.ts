/** The plugin in a context of its own (Node: `vm`), as Jest runs the tests of an application: Node's own promises are no `Promise` there. */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { build } from 'esbuild'
import type { fastify } from 'fastify'
import t from 'tap'
import type entra from '../../../src/plugin/index.js'
import { startApi } from '../../support/api.js'
import { signingKey, startTestTenant } from '../../support/tenant.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Fastify and the plugin, as one CommonJS text: what Node alone loads from elsewhere stays outside. */
async function bundled(): Promise<string> {
  const contents = "export { default as plugin } from './src/plugin/index.ts'; export { fastify } from 'fastify'"
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    ...{ bundle: true, write: false, platform: 'node', format: 'cjs', logLevel: 'silent' },
    external: ['undici', 'pino', '@azure/msal-node'],
    define: { 'import.meta.url': JSON.stringify(new URL('../../../src/plugin/', import.meta.url)) }
  })
  return String(outputFiles[0]?.text)
}

/** Loads a CommonJS text in a new context, with the globals that are Node's and not JavaScript's. */
function loadApart(text: string): { readonly plugin: typeof entra; readonly fastify: typeof fastify } {
  const names = ['process', 'Buffer', 'URL', 'AbortController', 'AbortSignal', 'DOMException', 'performance', 'console']
  const timers = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate']
  const globals = [...names, ...timers, 'queueMicrotask'].map((name) => [name, Reflect.get(globalThis, name)])
  const module = { exports: {} }
  const load = vm.runInContext(
    `(function (module, exports, require) {${text}\n})`,
    vm.createContext(Object.fromEntries(globals))
  )
  load(module, module.exports, createRequire(`${root}package.json`))
  return module.exports as never
}

t.test('tokens are accepted after a forged one', async (t) => {
  const tenant = await startTestTenant(t)
  const { plugin, fastify } = loadApart(await bundled())
  const { outcome } = await startApi(t, { tenant, app: fastify(), plugin })
  t.equal(await outcome('/me', await tenant.userToken()), '200')
  const forged = await tenant.userToken({}, {}, await signingKey(tenant.key.kid))
  t.equal(await outcome('/me', forged), '401 invalid_signature')
  t.equal(await outcome('/me', await tenant.userToken({ uti: 'another' })), '200')
})
