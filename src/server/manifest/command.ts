/** `npm run manifest`, as a function: arguments, environment and an API → what is printed, and the status of the process. */
import { parseArgs } from 'node:util'
import { EntraConfigurationError, type TokenForApp } from '../../plugin/index.js'
import { inTermsOfVariables, readConfig, type ServerConfig } from '../config/config.js'
import { createGraph } from '../graph/graph.js'
import type { Permissions } from '../permissions.js'
import { ServerProblem } from '../problems.js'
import { type Application, manifestOf } from './application.js'
import { toBicep } from './bicep.js'
import { driftOf } from './drift.js'
import { ManifestFailure } from './failure.js'
import { readRegistration } from './registration.js'
import type { Route } from './requirements.js'
import { toTerraform } from './terraform.js'

/** What the API says of itself once it is ready. */
export interface ReadyApi {
  readonly routes: readonly Route[]
  /** Its own token, from its tenant. */
  readonly tokenForApp: TokenForApp
  close(): Promise<unknown>
}

/** What the command works on. */
export interface Subject {
  readonly permissions: Permissions
  /** Builds the API. */
  readonly start: (config: ServerConfig) => Promise<ReadyApi>
}

/** 0: written, or no drift. 1: drift, or a permission that is not declared. 2: it could not be asked. */
export interface Outcome {
  readonly exitCode: 0 | 1 | 2
  readonly out: string
  readonly err: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** The API of the embedded tenant, whose manifest is written where no other is named. */
const exampleClientId = '20000000-0000-4000-8000-000000000001'

type Format = (application: Application, apiName: string) => string

const formats: ReadonlyMap<string, Format> = new Map([
  ['json', (application) => `${JSON.stringify(application, null, 2)}\n`],
  ['terraform', toTerraform],
  ['bicep', toBicep]
])

/** Runs the command. Rejects only with what is a bug. */
export async function runManifest(args: readonly string[], env: Environment, subject: Subject): Promise<Outcome> {
  try {
    const { check, format } = parsed(args)
    return check ? await checked(env, subject) : await written(format, env, subject)
  } catch (error) {
    const [exitCode, sentence] = failure(error, env)
    return { exitCode, out: '', err: lines([sentence]) }
  }
}

function parsed(args: readonly string[]) {
  const usage = 'npm run manifest takes --check, or --format json, terraform or bicep'
  const options = { check: { type: 'boolean' }, format: { type: 'string' } } as const
  try {
    const { values } = parseArgs({ args: [...args], options })
    const format = formats.get(values.format ?? 'json')
    if (format && !(values.check && values.format)) return { check: values.check, format }
  } catch {
    // An option that is unknown: the answer is the same.
  }
  throw new ManifestFailure(2, usage)
}

/**
 * Without the network: the API is built for a tenant at an address where nobody answers, as its guards are the same for any. None of
 * the server's settings counts but the client ID, so that the same code gives the same manifest.
 */
async function written(format: Format, env: Environment, subject: Subject): Promise<Outcome> {
  const clientId = env.ENTRA_CLIENT_ID || exampleClientId
  const config = readConfig({
    ENTRA_TENANT_ID: '00000000-0000-0000-0000-000000000000',
    ENTRA_CLIENT_ID: clientId,
    ENTRA_AUTHORITY: 'http://127.0.0.1:9',
    LOG_LEVEL: 'silent'
  })
  const { routes, close } = await subject.start(config)
  await close()
  const { application, warnings } = manifestOf(routes, subject.permissions, clientId)
  const example = 'ENTRA_CLIENT_ID is not set; these IDs are for the API of the embedded tenant'
  const notes = env.ENTRA_CLIENT_ID ? warnings : [example, ...warnings]
  return { exitCode: 0, out: format(application, subject.permissions.apiName), err: lines(notes) }
}

async function checked(env: Environment, subject: Subject): Promise<Outcome> {
  const config = readConfig({ ...env, LOG_LEVEL: 'silent' })
  const { clientId } = config.graph
  if (!clientId)
    throw new ManifestFailure(2, 'ENTRA_CLIENT_ID is missing; only Entra has registrations to compare with')
  const api = await subject.start(config)
  const graph = createGraph(config.graph, api.tokenForApp)
  try {
    const { application, warnings } = manifestOf(api.routes, subject.permissions, clientId)
    const drift = driftOf(application, await readRegistration(graph, clientId))
    const inSync = `the registration of ${clientId} has what the code requires`
    return drift.length > 0
      ? { exitCode: 1, out: lines(drift), err: lines(warnings) }
      : { exitCode: 0, out: '', err: lines([...warnings, inSync]) }
  } finally {
    await graph.close()
    await api.close()
  }
}

/** Each problem of the server's client of Graph, for the operator: who asks here knows the cause. */
const problems: Readonly<Record<string, string>> = {
  graph_not_configured: 'ENTRA_CLIENT_SECRET is missing; --check reads the registration with it',
  graph_credentials_refused: 'the tenant refused ENTRA_CLIENT_ID with ENTRA_CLIENT_SECRET',
  graph_unavailable: 'the tenant or Microsoft Graph cannot be reached'
}

function failure(error: unknown, env: Environment): [1 | 2, string] {
  if (error instanceof ManifestFailure) return [error.exitCode, error.message]
  if (error instanceof EntraConfigurationError) return [2, inTermsOfVariables(error.message, env)]
  if (!(error instanceof ServerProblem)) throw error
  const sentence = problems[error.code] ?? error.message
  return [2, error.cause === undefined ? sentence : `${sentence}: ${error.cause}`]
}

function lines(sentences: readonly string[]): string {
  return sentences.map((sentence) => `${sentence}\n`).join('')
}
