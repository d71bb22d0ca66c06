/** For `npm run dev`: the single-page app of `examples/spa`, built at start and served from memory. Not part of the build and the image. */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastify, { type FastifyInstance } from 'fastify'
import type { Rolldown } from 'vite'
import type { Tenant } from '../tenant/index.js'

/** The services that the app calls. */
interface Connection {
  /** Its `config.json`. */
  readonly settings: object
  /** Origins of the tenant and of the API. */
  readonly origins: readonly string[]
}

/** The app, as `npm run dev` serves it. */
export interface Spa {
  readonly origin: string
  /** By its address and by the name `localhost`: two origins, and people open both. */
  readonly origins: readonly string[]
  /** Sets the tenant and the API of the app, which cannot start in a browser before. */
  connect(tenant: Tenant, apiOrigin: string): Promise<void>
  close(): Promise<void>
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}

/**
 * Builds the app and serves it on loopback.
 *
 * @param port 0 for any free port
 */
export async function startSpa(port: number): Promise<Spa> {
  let connection: Connection = { settings: {}, origins: [] }
  const app = fastify({ forceCloseConnections: true })
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({
      'cache-control': 'no-cache',
      'content-security-policy': contentSecurityPolicy(connection.origins),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff'
    })
  })
  serveFiles(app, await bundle())
  app.get('/config.json', () => connection.settings)
  const origin = await app.listen({ host: '127.0.0.1', port })
  return {
    origin,
    origins: [origin, origin.replace('127.0.0.1', 'localhost')],
    async connect(tenant, apiOrigin) {
      connection = { settings: await settingsFor(tenant, apiOrigin), origins: [tenant.origin, apiOrigin] }
    },
    close: () => app.close()
  }
}

type Files = ReadonlyMap<string, string | Uint8Array>

let built: Promise<Files> | undefined

/** The built files, by path; built once, also when the first port was taken. */
function bundle(): Promise<Files> {
  built ??= build()
  return built
}

async function build(): Promise<Files> {
  // Loaded here, so that a start with invalid settings fails without waiting for it.
  const vite = await import('vite')
  // One configuration and no watching: one output.
  const { output } = (await vite.build({
    root: fileURLToPath(new URL('../../examples/spa', import.meta.url)),
    logLevel: 'warn',
    build: { write: false }
  })) as Rolldown.RolldownOutput
  return new Map(output.map((file) => [`/${file.fileName}`, file.type === 'chunk' ? file.code : file.source]))
}

/** Client-side routes return the app's page; `/login/callback` is a page of its own. */
function serveFiles(app: FastifyInstance, files: Files): void {
  const serve = (path: string, name: string) =>
    app.get(path, (_request, reply) => reply.type(String(types[extname(name)])).send(files.get(name)))
  for (const name of files.keys()) serve(name, name)
  app.get('/favicon.ico', (_request, reply) => reply.code(204).send())
  serve('/login/callback', '/login/callback.html')
  for (const path of ['/', '/login', '/logout', '/protected', '/:page']) serve(path, '/index.html')
}

/** Allows only scripts and styles of the app: an injected script could request tokens as the app does. */
function contentSecurityPolicy(origins: readonly string[]): string {
  const [tenant = ''] = origins
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${origins.join(' ')}`,
    // Silent renewal without a refresh token: the tenant in a hidden frame, which it leaves for `/login/callback`.
    `frame-src 'self' ${tenant}`,
    "frame-ancestors 'self'",
    "form-action 'none'",
    "base-uri 'none'"
  ].join('; ')
}

/** The app's `config.json` for the embedded tenant. */
async function settingsFor({ origin, tenantId, description }: Tenant, apiOrigin: string): Promise<object> {
  const { clientId } = { ...description.clients.find(({ name }) => name === 'spa') }
  const { host } = new URL(origin)
  return {
    auth: {
      clientId,
      authority: `https://${host}/${tenantId}`,
      knownAuthorities: [host],
      ...(origin.startsWith('http:') && { authorityMetadata: await metadataOf(`${origin}/${tenantId}`) })
    },
    api: { url: apiOrigin, scopes: description.api.scopes.map((name) => `api://${description.api.clientId}/${name}`) }
  }
}

/**
 * MSAL requires an `https` authority, where it looks up the endpoints. Given the endpoints, it needs no lookup, so the tenant can use plain
 * http on loopback, without a certificate warning in the browser.
 */
async function metadataOf(authority: string): Promise<string> {
  return (await fetch(`${authority}/v2.0/.well-known/openid-configuration`)).text()
}
