/**
 * `npm run manifest`: writes the app registration that the routes require, or compares it with the existing one. A command of its own; the
 * server loads none of it.
 */
import { buildApp } from './app.js'
import type { ServerConfig } from './config/config.js'
import { type ReadyApi, runManifest } from './manifest/command.js'
import { permissions } from './permissions.js'
import { endOnFaults } from './process/last-words.js'

async function start(config: ServerConfig): Promise<ReadyApi> {
  // The file of keys belongs to the server: another user runs this command, and what that one writes the server could not read.
  const app = await buildApp({ ...config, keysFile: undefined })
  await app.ready()
  const { resourceUrl, tokenForApp } = app.entra
  return { routes: app.accessMatrix(), publicUrl: resourceUrl, tokenForApp, close: () => app.close() }
}

endOnFaults()
const { exitCode, out, err } = await runManifest(process.argv.slice(2), process.env, { permissions, start })
process.stdout.write(out)
process.stderr.write(err)
process.exitCode = exitCode
