/** The checks of how long a credential is valid. */
import { type Diagnosis, ok, skipped, wrong } from './diagnosis.js'

const dayMs = 86_400_000
/** A new credential takes some days to be approved and rolled out. */
const warningDays = 14

/** A secret of the registration, as Microsoft Graph shows it (v1.0: "passwordCredential resource type"). */
export interface PasswordCredential {
  /** The first characters of the secret. */
  readonly hint?: unknown
  readonly endDateTime?: unknown
}

/** @param end milliseconds of the epoch at which the certificate expires */
export function checkCertificate(end: number): Diagnosis {
  const change = 'issue a new certificate, upload it to the registration (Certificates & secrets), and give its file'
  return diagnosisOf('the certificate', end, change)
}

/** The last of the registration's secrets that begin as this one does: Entra keeps no more of it than that. */
export function checkSecret(secret: string, credentials: readonly PasswordCredential[]): Diagnosis {
  const ends = credentials
    .filter(({ hint }) => typeof hint === 'string' && hint !== '' && secret.startsWith(hint))
    .map(({ endDateTime }) => Date.parse(String(endDateTime)))
    .filter((end) => !Number.isNaN(end))
  if (ends.length === 0) return skipped('expiry', 'the registration does not show when the secret expires')
  const change = 'create a new secret in the registration (Certificates & secrets), and set ENTRA_CLIENT_SECRET to it'
  return diagnosisOf('the secret', Math.max(...ends), change)
}

function diagnosisOf(what: string, end: number, change: string): Diagnosis {
  const days = Math.floor((end - Date.now()) / dayMs)
  const date = new Date(end).toISOString().slice(0, 10)
  if (days < 0) return wrong('expiry', `${what} expired on ${date}`, change)
  const found = `${what} expires on ${date}, in ${days} days`
  return days < warningDays ? wrong('expiry', found, change) : ok('expiry', found)
}
