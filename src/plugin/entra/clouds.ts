/**
 * Microsoft's clouds: origins of the sign-in service, of the v1 issuer and of Microsoft Graph. Sources: Microsoft, "National clouds" and
 * "Microsoft Graph national cloud deployments"; for France, Germany and Singapore the host list of `@azure/msal-common` 16 and the
 * environments of Microsoft Graph PowerShell.
 */

/** Names of the clouds, for `cloud` and `ENTRA_CLOUD`. */
export type Cloud = 'public' | 'usgovernment' | 'china' | 'france' | 'germany' | 'singapore'

interface CloudHosts {
  /** Origin of the sign-in service. */
  readonly authority: string
  /** Origin of the v1 issuer; absent when only the v1 metadata names it. */
  readonly v1Issuer?: string
  /** Origin of Microsoft Graph. */
  readonly graph: string
  /**
   * The audience for which tokens of managed identities are accepted as assertions (Microsoft: "Configure an application to trust a managed
   * identity"); absent when that page names none.
   */
  readonly exchangeAudience?: string
}

export const clouds: Readonly<Record<Cloud, CloudHosts>> = {
  public: {
    authority: 'https://login.microsoftonline.com',
    v1Issuer: 'https://sts.windows.net',
    graph: 'https://graph.microsoft.com',
    exchangeAudience: 'api://AzureADTokenExchange'
  },
  usgovernment: {
    authority: 'https://login.microsoftonline.us',
    v1Issuer: 'https://sts.windows.net',
    graph: 'https://graph.microsoft.us',
    exchangeAudience: 'api://AzureADTokenExchangeUSGov'
  },
  china: {
    authority: 'https://login.partner.microsoftonline.cn',
    v1Issuer: 'https://sts.chinacloudapi.cn',
    graph: 'https://microsoftgraph.chinacloudapi.cn',
    exchangeAudience: 'api://AzureADTokenExchangeChina'
  },
  france: { authority: 'https://login.sovcloud-identity.fr', graph: 'https://graph.svc.sovcloud.fr' },
  germany: { authority: 'https://login.sovcloud-identity.de', graph: 'https://graph.svc.sovcloud.de' },
  singapore: { authority: 'https://login.sovcloud-identity.sg', graph: 'https://graph.svc.sovcloud.sg' }
}

/** The origins of Microsoft's sign-in services and v1 issuers. */
export const microsoftOrigins: ReadonlySet<string> = new Set(
  Object.values(clouds).flatMap(({ authority, v1Issuer = authority }) => [authority, v1Issuer])
)

/** The tenant of all personal Microsoft accounts (Microsoft: "Access token claims reference", `tid`). */
export const personalAccounts = '9188040d-6c67-4c5b-b112-36a304b66dad'
