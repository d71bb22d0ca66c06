/** Entry points that fail where nobody expects it, and what they may say of it. */
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import type { Running } from './process.js'

/** Runs before the entry point, from a file, as a stack names where code is from. */
export function before(t: Test, code: string): Record<string, string> {
  const file = join(t.testdir({ 'before.mjs': code }), 'before.mjs')
  return { NODE_OPTIONS: `--import=${pathToFileURL(file)}` }
}

const secrets =
  'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzIn0.c2lnbmF0dXJl, http://user:s3cr3t@proxy.example, client-s3cr3t'
export const thrown = `Object.assign(new RangeError('a bug, with ${secrets}'), { code: 'E_BUG', config: { headers: 's3cr3t' }, cause: new Error('its cause') })`

/** Once it listens. */
export const onceItListens = (statement: string) =>
  `import { Server } from 'node:net'
  const { listen } = Server.prototype
  Server.prototype.listen = function (...given) {
    this.once('listening', () => setImmediate(() => { ${statement} }))
    return listen.apply(this, given)
  }`
/** The server can be built, and fails where it would listen. */
export const whereItListens = (error: string) =>
  `import { Server } from 'node:net'; Server.prototype.listen = function () { throw ${error} }`
/** No Fastify, and so no logger, yet. */
export const whereItIsBuilt = `import http from 'node:http'; http.createServer = () => { throw ${thrown} }; import { syncBuiltinESMExports } from 'node:module'; syncBuiltinESMExports()`

export async function ended(running: Running) {
  const [code, signal] = await once(running.process, 'close')
  return { code, signal, ...running.output, all: running.output.out + running.output.err }
}

/** The bug, its code and its cause are there once, and no secret is. */
export function said(t: Test, text: string): void {
  t.equal(text.split('RangeError: a bug').length, 2, 'once, with its stack')
  for (const part of ['E_BUG', 'its cause', '    at ', 'Bearer [masked]']) t.ok(text.includes(part), part)
  t.notMatch(text, /eyJ|c2lnbmF0|s3cr3t/)
}
