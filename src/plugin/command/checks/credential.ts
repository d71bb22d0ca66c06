/** The checks of this API's own credential: one token for Microsoft Graph, and the permissions that it has. */
import { CredentialSource } from '../../downstream/credential-source.js'
import { loadMsal } from '../../downstream/load-msal.js'
import { requestToken } from '../../downstream/msal.js'
import type { OwnClient } from '../../downstream/options.js'
import type { Proof } from '../../downstream/proof.js'
import { loadClientPackage } from '../../downstream/token-clients.js'
import type { IssuerSettings } from '../../issuers/issuer.js'
import { adviceFor } from '../../keys/advice.js'
import { systemClock } from '../../lib/clock.js'
import { type ExchangeJson, reasonOf } from '../../lib/json-client.js'
import { noLog } from '../../lib/logger.js'
import { hasOwn } from '../../lib/own.js'
import { shown } from '../../lib/validate.js'
import { isRefusal } from '../../refusals/refusal.js'
import { decodeToken } from '../../verification/decode.js'
import { type Diagnosis, ok, skipped, wrong, wrongBecause } from './diagnosis.js'

/** The tenant knows no federated credential like the token of the platform. */
const federation =
  'add a federated credential with the issuer, subject and audience of the token to the registration (Certificates & secrets)'

/** What to change, by AADSTS number (Microsoft: "Microsoft Entra authentication and authorization error codes"), or error (RFC 6749 §5.2). */
const changes: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [7000215, 'ENTRA_CLIENT_SECRET must be the Value of a client secret, not its Secret ID, of this app registration'],
  [7000222, 'the secret has expired: create a new one (Certificates & secrets), and set ENTRA_CLIENT_SECRET to it'],
  [7000112, 'the application is disabled: enable it (Enterprise applications, Properties)'],
  [700016, 'ENTRA_CLIENT_ID must be the Application (client) ID of a registration that this tenant has'],
  [700024, 'the assertion was not valid at that time: correct the clock of this machine'],
  [700027, 'upload the certificate of ENTRA_CLIENT_CERTIFICATE to the registration (Certificates & secrets)'],
  [70021, federation],
  [700211, federation],
  [700212, federation],
  [700213, federation],
  [7002137, federation],
  [7002138, federation],
  [90002, 'ENTRA_TENANT_ID must be the Directory (tenant) ID'],
  [65001, 'add the permission to the registration (API permissions), and grant admin consent'],
  [70011, 'GRAPH_URL must be the origin of Microsoft Graph in the cloud of the tenant'],
  [500011, 'GRAPH_URL must be the origin of Microsoft Graph in the cloud of the tenant'],
  [53003, 'a Conditional Access policy for workload identities blocks this API: exclude it, or its address'],
  ['invalid_client', 'ENTRA_CLIENT_SECRET or ENTRA_CLIENT_CERTIFICATE must be one of this app registration'],
  ['unauthorized_client', 'ENTRA_CLIENT_ID must be the client ID of a registration that this tenant has']
])

/** A client of a tenant, and where it calls Microsoft Graph. */
export interface GraphClient {
  readonly client: OwnClient
  readonly graphUrl: string
  readonly exchangeJson: ExchangeJson
}

/** Loads the package that requests tokens; the diagnosis if it is not installed. */
export async function checkPackage(
  clients: ReadonlyMap<IssuerSettings, OwnClient>,
  load: () => Promise<unknown> = loadMsal
): Promise<Diagnosis | undefined> {
  try {
    return await loadClientPackage(clients, load).then(() => undefined)
  } catch (error) {
    return wrongBecause('credential', error)
  }
}

/** Diagnoses, one for each secret or certificate, and the token unless there is none. */
export interface CheckedCredential {
  readonly diagnoses: readonly Diagnosis[]
  readonly token?: string
  /** The secrets of the registration. */
  readonly secrets: readonly string[]
}

/** Requests a token with each secret, certificate or assertion (client credentials grant, RFC 6749 §4.4). */
export async function checkCredential(graph: GraphClient, timeoutSeconds: number): Promise<CheckedCredential> {
  try {
    const dependencies = { clock: systemClock, log: noLog, timeoutSeconds }
    const proofs = await new CredentialSource(graph.client.credential, dependencies).proofs()
    const checked = await Promise.all(proofs.map((proof, at) => checkProof(graph, proof, numbered(at, proofs.length))))
    const token = checked.map((each) => each.token).find((each) => each !== undefined)
    const secrets = proofs.flatMap((proof) => (hasOwn(proof, 'clientSecret') ? [proof.clientSecret] : []))
    return { diagnoses: checked.map(({ diagnosis }) => diagnosis), secrets, ...(token !== undefined && { token }) }
  } catch (error) {
    const change = 'check what the platform provides where the API runs: the managed identity, or the file of its token'
    return { diagnoses: [wrong('credential', reasonOf(error), change)], secrets: [] }
  }
}

const numbered = (at: number, count: number) => (count > 1 ? ` with credential ${at + 1} of ${count}` : '')

async function checkProof({ client, graphUrl, exchangeJson }: GraphClient, proof: Proof, which: string) {
  const { clientId, tenantId } = client
  try {
    const request = { tenantId, scopes: [`${graphUrl}/.default`] }
    const answer = await requestToken({ client, proof, exchangeJson }, request)
    if (hasOwn(answer, 'token'))
      return { diagnosis: ok('credential', `${clientId} gets a token for ${graphUrl}${which}`), token: answer.token }
    return { diagnosis: refused(`${clientId}${which}`, answer.about) }
  } catch (error) {
    const reason = reasonOf(error)
    const change = adviceFor(reason) ?? 'try again, and check the way to the tenant'
    return { diagnosis: wrong('credential', `no token for ${graphUrl}: ${reason}`, change) }
  }
}

function refused(
  clientId: string,
  { status, error, errorCodes, reason }: Readonly<Record<string, unknown>>
): Diagnosis {
  const codes = [errorCodes].flat().filter((code) => typeof code === 'number')
  const said = [status, error ?? reason ?? 'without a reason', ...codes.map((code) => `AADSTS${code}`)]
  const change = [...codes, error].map((each) => changes.get(each)).find((each) => each !== undefined)
  const look = 'look the number up in the sign-in log of the tenant (service principal sign-ins)'
  return wrong('credential', `the tenant refuses ${clientId}: ${said.map(String).join(' ')}`, change ?? look)
}

/**
 * The application permissions in the token.
 *
 * @param required those that the API must have
 */
export function checkConsent(token: string, required: readonly string[]): Diagnosis {
  const decoded = decodeToken(token)
  if (isRefusal(decoded)) return skipped('consent', 'the token for Microsoft Graph does not show its permissions')
  const { roles } = decoded.payload
  const granted = Array.isArray(roles) ? roles.map(String) : []
  const missing = required.filter((name) => !granted.includes(name))
  const add =
    'add what is missing to the registration (API permissions, Application permissions), and grant admin consent'
  if (missing.length > 0) return wrong('consent', `not granted: ${missing.join(', ')}; granted: ${shown(granted)}`, add)
  if (granted.length > 0) return ok('consent', `granted in Microsoft Graph: ${granted.join(', ')}`)
  return ok('consent', 'no application permission in Microsoft Graph is granted, and --permissions requires none')
}

/** Consent to on-behalf-of: Entra says nothing of it without a user's token (Microsoft: "OAuth 2.0 On-Behalf-Of flow", error response). */
export const delegatedConsent: Diagnosis = skipped(
  'consent',
  "undecided for delegated permissions (on-behalf-of): AADSTS65001 is seen only with a user's token",
  'call such a route as a user; for 403 consent_required add the permission to the registration (API permissions), and grant admin consent'
)
