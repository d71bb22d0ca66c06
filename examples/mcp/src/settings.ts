/** The server's settings. */

export interface Settings {
  readonly tenantId: string
  readonly clientId: string
  /** Of this API's registration: it calls Microsoft Graph on behalf of its users. */
  readonly clientSecret: string
  /** The URL that people give their assistant; also an Application ID URI of the registration. */
  readonly publicUrl: string
  /** Another authority than Microsoft's, such as the embedded tenant. */
  readonly authority?: string
  readonly graphUrl: string
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const required = (name: string): string => {
    const value = env[name]
    if (!value) throw new Error(`${name} is not set. See README.md.`)
    return value
  }
  return {
    tenantId: required('ENTRA_TENANT_ID'),
    clientId: required('ENTRA_CLIENT_ID'),
    clientSecret: required('ENTRA_CLIENT_SECRET'),
    publicUrl: env.RESOURCE_URL || 'http://127.0.0.1:3001/mcp',
    graphUrl: env.GRAPH_URL || 'https://graph.microsoft.com',
    ...(env.ENTRA_AUTHORITY && { authority: env.ENTRA_AUTHORITY })
  }
}
