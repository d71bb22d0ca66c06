/** The service's settings, under the names that Azure's own SDKs give them. */

export interface Settings {
  readonly apiUrl: string
  /** The API's `/.default`: all application permissions that were granted. */
  readonly scope: string
  /** Origin of the authority: another one than Microsoft's for its sovereign clouds, and for the embedded tenant. */
  readonly authorityHost: string
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string | undefined
  /** A PEM file with the private key and the certificate. */
  readonly certificatePath: string | undefined
  readonly pollSeconds: number
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const required = (name: string): string => {
    const value = env[name]
    if (!value) throw new Error(`${name} is not set. See README.md.`)
    return value
  }
  const certificatePath = env.AZURE_CLIENT_CERTIFICATE_PATH
  return {
    apiUrl: env.API_URL || 'http://127.0.0.1:3000',
    scope: required('API_SCOPE'),
    authorityHost: env.AZURE_AUTHORITY_HOST || 'https://login.microsoftonline.com',
    tenantId: required('AZURE_TENANT_ID'),
    clientId: required('AZURE_CLIENT_ID'),
    clientSecret: certificatePath ? undefined : required('AZURE_CLIENT_SECRET'),
    certificatePath,
    pollSeconds: Number(env.POLL_SECONDS || 60)
  }
}
