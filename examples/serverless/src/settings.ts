/** The settings of both functions, from variables. */
import { readFile } from 'node:fs/promises'
import type { PreloadedKeys } from 'fastify-entra'

/** What the plugin and the verifier get. */
export interface Settings {
  readonly tenantId: string
  readonly clientId: string
  readonly authority?: string
  readonly preloadedKeys?: () => Promise<PreloadedKeys>
}

/** @throws Error for a variable that is missing */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const required = (name: string): string => {
    const value = env[name]
    if (!value) throw new Error(`${name} is not set; see README.md`)
    return value
  }
  const { ENTRA_AUTHORITY: authority, KEYS_FILE: path } = env
  return {
    tenantId: required('ENTRA_TENANT_ID'),
    clientId: required('ENTRA_CLIENT_ID'),
    ...(authority && { authority }),
    // Not the path: the file belongs to whom the platform says, and is as trustworthy as this code, beside which it is read-only.
    ...(path && { preloadedKeys: async () => JSON.parse(await readFile(path, 'utf8')) })
  }
}
