/** The check of each issuer: its discovery document and its keys are fetched, as the API does when it starts. */
import { inTermsOfVariables } from '../../environment/read-options.js'
import { Issuer, type IssuerSettings } from '../../issuers/issuer.js'
import { adviceFor } from '../../keys/advice.js'
import { systemClock } from '../../lib/clock.js'
import type { FetchJson } from '../../lib/json-client.js'
import { noLog } from '../../lib/logger.js'
import { proxyInWords } from '../../lib/proxies.js'
import type { Settings } from '../../options.js'
import type { World } from '../outcome.js'
import { type Diagnosis, ok, wrong } from './diagnosis.js'

/** Diagnoses, and the issuers whose keys could not be fetched. */
export interface CheckedKeys {
  readonly diagnoses: readonly Diagnosis[]
  readonly failed: ReadonlySet<IssuerSettings>
}

/** Fetches the documents and keys of all issuers, once. */
export async function fetchIssuers(settings: Settings, fetchJson: FetchJson): Promise<readonly Issuer[]> {
  const names = new Map<string, Issuer>()
  const dependencies = { fetchJson, clock: systemClock, log: noLog, names }
  const issuers = settings.issuers.map((each) => new Issuer(each, settings.keyTimings, dependencies))
  await Promise.all(issuers.map(({ keys }) => keys.start()))
  for (const { keys } of issuers) keys.close()
  return issuers
}

/** Checks the documents and keys of all issuers. */
export async function checkKeys(settings: Settings, fetchJson: FetchJson, env: World['env']): Promise<CheckedKeys> {
  const issuers = await fetchIssuers(settings, fetchJson)
  const isFailed = ({ status }: Issuer) => status.lastError !== undefined
  return {
    diagnoses: issuers.map((issuer) => diagnosisOf(issuer, settings, env)),
    failed: new Set(issuers.filter(isFailed).map((issuer) => issuer.settings))
  }
}

function diagnosisOf({ settings: { url }, status, name }: Issuer, settings: Settings, env: World['env']) {
  const { keys, lastError } = status
  if (lastError !== undefined)
    return wrong('keys', `${url}: ${lastError}`, changeFor({ url, reason: lastError }, settings, env))
  if (keys === 0) return ok('keys', `${url}: the authority has no such document, and needs none`)
  return ok('keys', `${url}: ${keys === 1 ? '1 key' : `${keys} keys`} of ${name}`)
}

/** What to change when keys could not be fetched, in terms of variables. */
export function changeFor(
  { url, reason }: { readonly url: string; readonly reason: string },
  { insecureHttpHosts }: Pick<Settings, 'insecureHttpHosts'>,
  env: World['env']
): string {
  return inTermsOfVariables(changeBy(reason, proxyInWords(new URL(url), env, insecureHttpHosts)), env)
}

function changeBy(reason: string, proxy: string | undefined): string {
  if (proxy !== undefined && /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/.test(reason))
    return `the proxy ${proxy} cannot be reached; correct the variable, or exempt the host in NO_PROXY`
  if (/discovery document|already the issuer/.test(reason))
    return 'compare the tenant and the authority (or issuer) with the registration of the API'
  return (
    adviceFor(reason) ??
    'check the tenant ID and the authority (or issuer), and that the tenant can be reached from this machine'
  )
}
