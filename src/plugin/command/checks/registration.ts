/** The checks of the app registration: what it has, against what the guards of an app require. */
import { reasonOf } from '../../lib/json-client.js'
import { manifestOf } from '../../manifest/application.js'
import { driftOf } from '../../manifest/drift.js'
import { type Entry, type Registration, readRegistration } from '../../manifest/registration.js'
import type { AppFacts } from '../app-process.js'
import { declaredPermissions } from '../declared-permissions.js'
import { GraphRefusal, graphBy, type Reader } from '../graph-source.js'
import { type Diagnosis, ok, skipped, wrong, wrongBecause } from './diagnosis.js'
import type { PasswordCredential } from './expiry.js'
import { predictedError, predictedForUrl } from './sign-in-errors.js'

/** A registration, and its secrets as far as Graph shows them. */
export interface FoundRegistration {
  readonly registration: Registration
  readonly secrets: readonly PasswordCredential[]
}

/** An app, by the name of its module. */
export interface App {
  readonly module: string
  readonly facts: AppFacts
}

/** Reads the registration of a client, or says why it cannot. */
export async function findRegistration(clientId: string, reader: Reader): Promise<FoundRegistration | Diagnosis> {
  const graph = graphBy(reader)
  try {
    const registration = await readRegistration(graph, clientId)
    const detail = `Microsoft Graph does not show the secrets of ${clientId}`
    const path = `/v1.0/applications(appId='${clientId}')?$select=passwordCredentials`
    const { passwordCredentials } = await graph.get(path, { code: 'registration_refused', detail })
    const secrets = Array.isArray(passwordCredentials) ? passwordCredentials.map((each): Entry => Object(each)) : []
    return { registration, secrets }
  } catch (error) {
    const grant = 'for this check grant it the application permission Application.Read.All in Microsoft Graph'
    if (error instanceof GraphRefusal) {
      const found = `${error.detail.replace(/;.*/, '')} (it answered ${error.status})`
      return skipped('registration', found, grant)
    }
    return wrong(
      'registration',
      `Microsoft Graph cannot be reached: ${reasonOf(error)}`,
      'check GRAPH_URL and the proxy'
    )
  }
}

/** What the registration must fit. */
export interface Expected {
  readonly app: App | undefined
  /** `publicUrl` of the option `resource`, by the variables. */
  readonly publicUrl: string | undefined
}

/** Compares the registration with the guards of the app, or without one with the variables. */
export function checkRegistration(
  clientId: string,
  { registration }: FoundRegistration,
  { app, publicUrl }: Expected
): readonly Diagnosis[] {
  if (!app) {
    const notCompared = skipped('registration', 'no module was given, whose guards could be compared')
    return [...predictedForUrl(publicUrl, registration), notCompared]
  }
  try {
    return diagnosesOf(driftBetween(clientId, registration, app), clientId)
  } catch (error) {
    return [wrongBecause('registration', error, 'correct the declarations of the app')]
  }
}

function driftBetween(clientId: string, registration: Registration, { module, facts }: App): readonly string[] {
  const routes = facts.routes.map(({ method, url, rule }) => ({ method, url, rule }))
  const { application } = manifestOf(routes, declaredPermissions(facts, module), clientId, facts.publicUrl)
  return driftOf(application, registration)
}

/** Optional claims have a line of their own, as another page of the portal sets them. */
function diagnosesOf(drift: readonly string[], clientId: string): readonly Diagnosis[] {
  const isAboutClaims = (line: string) => /^(optionalClaims|groupMembershipClaims)\b/.test(line)
  const apply = 'write the registration with fastify-entra manifest, and apply it'
  const addClaim = 'set it for access tokens (registration, Token configuration)'
  const differences = drift
    .filter((line) => !isAboutClaims(line))
    .map((line) => predictedError(line) ?? wrong('registration', line, apply))
  const claims = drift.filter(isAboutClaims).map((line) => wrong('claims', line, addClaim))
  const inSync = ok('registration', `${clientId} has the permissions that the guards require`)
  const allClaims = ok('claims', `${clientId} has the optional claims that the guards need`)
  return [...(differences.length > 0 ? differences : [inSync]), ...(claims.length > 0 ? claims : [allClaims])]
}
