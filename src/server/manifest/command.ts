/** `npm run manifest`, as a function: returns the output and the exit status for arguments, environment and an API. */
import { parseArgs } from 'node:util'
import { inTermsOfVariables } from '../../plugin/environment/read-options.js'
import { EntraConfigurationError, type TokenForApp } from '../../plugin/index.js'
import { manifestOf } from '../../plugin/manifest/application.js'
import { driftOf } from '../../plugin/manifest/drift.js'
import { ManifestFailure } from '../../plugin/manifest/failure.js'
import { type Format, formats } from '../../plugin/manifest/formats.js'
import type { Permissions } from '../../plugin/manifest/permissions.js'
import { readRegistration } from '../../plugin/manifest/registration.js'
import type { Route } from '../../plugin/manifest/requirements.js'
import { readConfig, type ServerConfig } from '../config/config.js'
import { createGraph } from '../graph/graph.js'
import { ServerProblem } from '../problems.js'

/** The API's description, once it is ready. */
export interface ReadyApi {
  readonly routes: readonly Route[]
  /** `publicUrl` of the option `resource`. */
  readonly publicUrl?: string | undefined
  /** The API's own token, from its tenant. */
  readonly tokenForApp: TokenForApp
  close(): Promise<unknown>
}

/** The input of the command. */
export interface Subject {
  readonly permissions: Permissions
  /** Builds the API. */
  readonly start: (config: ServerConfig) => Promise<ReadyApi>
}

/** 0: written, or no drift. 1: drift, or an undeclared permission. 2: the comparison was not possible. */
export interface Outcome {
  readonly exitCode: 0 | 1 | 2
  readonly out: string
  readonly err: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** The API of the embedded tenant, the default. */
const exampleClientId = '20000000-0000-4000-8000-000000000001'

/** Runs the command. Rejects only for a bug. */
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
    // An unknown option.
  }
  throw new ManifestFailure(2, usage)
}

/**
 * Without the network: the API is built for a tenant at an unreachable address, as its guards are the same for any. Only the client ID and
 * the URL of the server's settings are used, so that the same code yields the same manifest.
 */
async function written(format: Format, env: Environment, subject: Subject): Promise<Outcome> {
  const clientId = env.ENTRA_CLIENT_ID || exampleClientId
  const config = readConfig({
    ENTRA_TENANT_ID: '00000000-0000-0000-0000-000000000000',
    ENTRA_CLIENT_ID: clientId,
    ENTRA_AUTHORITY: 'http://127.0.0.1:9',
    RESOURCE_URL: env.RESOURCE_URL,
    LOG_LEVEL: 'silent'
  })
  const { routes, publicUrl, close } = await subject.start(config)
  await close()
  const { application, warnings } = manifestOf(routes, subject.permissions, clientId, publicUrl)
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
    const { application, warnings } = manifestOf(api.routes, subject.permissions, clientId, api.publicUrl)
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

/** The problems of the server's Graph client, for the operator, who may know the cause. */
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
