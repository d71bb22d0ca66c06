/** The files of `deploy/`, and what the server makes of their variables. */
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'

export interface Service {
  readonly image?: string
  readonly command?: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly networks: Readonly<Record<string, unknown>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck: { readonly test: readonly string[] }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly [other: string]: unknown
}

export interface Compose {
  readonly services: Readonly<Record<'api' | 'redis' | 'keycloak', Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
}

export const composeFile = 'deploy/compose/compose.yaml'

/** What an operator puts into `.env`. */
export const ownValues = {
  REDIS_PASSWORD: 'redis0pa55word',
  KEYCLOAK_ADMIN_PASSWORD: 'admin0pa55word',
  NIGHTLY_JOB_SECRET: 'job0s3cr3t',
  ALICE_PASSWORD: 'alice0pa55word'
}

/** Each call takes docker-compose a second. */
const known = new Map<string, Compose>()

/** The file as docker-compose understands it. */
export function composed(values: Readonly<Record<string, string>> = ownValues): Compose {
  const key = JSON.stringify(values)
  const found = known.get(key) ?? read(values)
  known.set(key, found)
  return found
}

function read(values: Readonly<Record<string, string>>): Compose {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...values }
  return parse(execFileSync('docker-compose', ['-f', composeFile, 'config'], { env, stdio: 'pipe' }).toString())
}

/** All variables of the server, by its page. */
export async function serverVariables(): Promise<readonly string[]> {
  const page = await readFile('docs/server.md', 'utf8')
  const [, section = ''] = /\n## Variables\n(.*?)\n## /s.exec(page) ?? []
  return [...section.matchAll(/^\| `([A-Z_0-9]+)` \|/gm)].map(([, name = '']) => name)
}
