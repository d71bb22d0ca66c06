/** The process of `app-process.ts`: loads the module that its argument names, and sends the routes of its app. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import type { EntraTenant } from '../fastify/decorators.js'
import { loggedError } from '../lib/logged-error.js'
import { ownMember } from '../lib/own.js'
import { readRegistration } from '../manifest/registration.js'
import type { AppAnswer, AppMessage, RegistrationRequest } from './app-process.js'
import { graphOf } from './graph-source.js'

/** The part of a Fastify app that is used here, of whichever copy of Fastify. */
interface App {
  ready(): Promise<unknown>
  close(): Promise<unknown>
  readonly server: { readonly listening: boolean }
  readonly entra?: Pick<EntraTenant, 'accessMatrix' | 'resourceUrl' | 'tokenForApp'>
}

const wanted = 'export default the Fastify app, which does not listen, or a function that returns it'

async function answer(module: string, request: RegistrationRequest | null): Promise<AppAnswer> {
  try {
    const exports = await import(pathToFileURL(resolve(module)).href)
    const app = await appOf(exports)
    if (!app) return { failure: `it has no app as its default export; ${wanted}` }
    if (app.server.listening) return { failure: 'its app listens already; export it without listen()' }
    await app.ready()
    return await factsOf(app, exports, request).finally(() => app.close())
  } catch (error) {
    const { name = 'Error', message, code } = loggedError(error)
    if (code === 'EADDRINUSE') return { failure: `its app listens (${message}); export it without listen()` }
    return { failure: `${name}: ${message}` }
  }
}

async function factsOf({ entra }: App, exports: object, request: RegistrationRequest | null): Promise<AppAnswer> {
  if (!entra) return { failure: 'its app has no fastify-entra; register it on the root instance' }
  const registration =
    request && (await readRegistration(graphOf(entra.tokenForApp, request.graphUrl), request.clientId))
  return {
    routes: entra.accessMatrix().map(({ rule, constraints, ...route }) => ({
      ...route,
      ...(constraints && { constraints: inTexts(constraints) }),
      ...(rule && { rule })
    })),
    ...(entra.resourceUrl !== undefined && { publicUrl: entra.resourceUrl }),
    permissions: ownMember(exports, 'permissions'),
    ...(registration && { registration })
  }
}

/** JSON has no regular expressions: all would look alike. So would objects as texts. */
const inTexts = (constraints: object) =>
  Object.fromEntries(
    Object.entries(constraints).map(([name, value]) => [name, typeof value === 'string' ? value : inspect(value)])
  )

/** TypeScript's CommonJS has the default export below that of Node.js. */
async function appOf(exports: object): Promise<App | undefined> {
  const outer = ownMember(exports, 'default')
  const given = ownMember(Object(outer), 'default') ?? outer
  const app: unknown = typeof given === 'function' ? await given() : given
  return typeof Object(app).ready === 'function' && typeof Object(app).close === 'function' ? (app as App) : undefined
}

const send = (message: AppMessage) => new Promise((sent) => process.send?.(message, sent))
// The command was killed, and nobody waits. The channel alone keeps no process running.
process.once('disconnect', () => process.exit())
process.channel?.unref()
if (!process.connected) process.exit()
const [, , module, request] = process.argv // both of app-process.ts
await send({ 'fastify-entra': await answer(String(module), JSON.parse(String(request))) })
process.exit()
