/** Errors with which Entra will refuse clients before this API sees a token, predicted from its registration. */
import { type Diagnosis, wrong } from './diagnosis.js'

/** A difference of the registration, by the line of the comparison; what Entra answers, and what to change. */
interface Prediction {
  readonly line: RegExp
  readonly answer: string
  readonly change: string
}

const unregisteredUrl: Prediction = {
  // The option takes URLs only; the other App ID URI that the manifest has begins with api:.
  line: /^identifierUris: https?:\S+ is missing$/,
  answer: 'Entra refuses clients that send it as resource with AADSTS9010010',
  change: 'add this URL to identifierUris (registration, Manifest), or set resource.publicUrl to one that is there'
}

const predictions: readonly Prediction[] = [
  unregisteredUrl,
  {
    line: /^api\.oauth2PermissionScopes: \S+ is missing$/,
    answer: 'Entra refuses clients that request this scope with AADSTS650053',
    change: 'add the scope (registration, Expose an API), or apply what fastify-entra manifest writes'
  },
  {
    line: /^api\.oauth2PermissionScopes: \S+: isEnabled is /,
    answer: 'Entra refuses clients that request this scope with AADSTS650053',
    change: 'enable the scope (registration, Expose an API)'
  }
]

/** The diagnosis of a difference, if clients cannot get a token because of it. */
export function predictedError(line: string): Diagnosis | undefined {
  const prediction = predictions.find((each) => each.line.test(line))
  return prediction && diagnosisOf(line, prediction)
}

/** The same where nothing but the URL of the API is known, `publicUrl` of the option `resource`. */
export function predictedForUrl(
  publicUrl: string | undefined,
  { identifierUris }: { readonly identifierUris: readonly unknown[] }
): readonly Diagnosis[] {
  if (publicUrl === undefined || identifierUris.includes(publicUrl)) return []
  return [diagnosisOf(`identifierUris: ${publicUrl} is missing`, unregisteredUrl)]
}

const diagnosisOf = (line: string, { answer, change }: Prediction) =>
  wrong('registration', `${line}: ${answer}`, change)
