/** The process of `app-process.ts`: loads the module that its argument names, and sends the routes of its app. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loggedError } from '../lib/logged-error.js'
import { ownMember } from '../lib/own.js'
import type { AccessMatrix } from '../routes/access-matrix.js'
import type { AppMessage } from './app-process.js'

/** The part of a Fastify app that is used here, of whichever copy of Fastify. */
interface App {
  ready(): Promise<unknown>
  close(): Promise<unknown>
  readonly server: { readonly listening: boolean }
  readonly entra?: { readonly accessMatrix: AccessMatrix }
}

const wanted = 'export default the Fastify app, which does not listen, or a function that returns it'

async function answer(module: string): Promise<AppMessage> {
  try {
    const app = await appOf(await import(pathToFileURL(resolve(module)).href))
    if (!app) return { failure: `it has no app as its default export; ${wanted}` }
    if (app.server.listening) return { failure: 'its app listens already; export it without listen()' }
    await app.ready()
    const routes = app.entra?.accessMatrix()
    await app.close()
    if (!routes) return { failure: 'its app has no fastify-entra; register it on the root instance' }
    return { routes: routes.map(({ rule, ...route }) => ({ ...route, ...(rule && { rule }) })) }
  } catch (error) {
    const { name = 'Error', message, code } = loggedError(error)
    if (code === 'EADDRINUSE') return { failure: `its app listens (${message}); export it without listen()` }
    return { failure: `${name}: ${message}` }
  }
}

/** TypeScript's CommonJS has the default export below that of Node.js. */
async function appOf(exports: object): Promise<App | undefined> {
  const outer = ownMember(exports, 'default')
  const given = ownMember(Object(outer), 'default') ?? outer
  const app: unknown = typeof given === 'function' ? await given() : given
  return typeof Object(app).ready === 'function' && typeof Object(app).close === 'function' ? (app as App) : undefined
}

const send = (message: AppMessage) => new Promise((sent) => process.send?.(message, sent))
await send(await answer(process.argv[2] ?? ''))
process.exit()
