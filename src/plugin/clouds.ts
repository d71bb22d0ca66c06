/**
 * Microsoft's clouds: where each signs in, and what its v1 tokens name as issuer. Sources: Microsoft, "National
 * clouds"; for France, Germany and Singapore the host list of `@azure/msal-common` 16.
 */

/** Names of the clouds, for `cloud` and `ENTRA_CLOUD`. */
export type Cloud = 'public' | 'usgovernment' | 'china' | 'france' | 'germany' | 'singapore'

interface CloudHosts {
  /** Origin of the sign-in service. */
  readonly authority: string
  /** Origin of the v1 issuer; absent where only the v1 metadata says it. */
  readonly v1Issuer?: string
}

export const clouds: Readonly<Record<Cloud, CloudHosts>> = {
  public: { authority: 'https://login.microsoftonline.com', v1Issuer: 'https://sts.windows.net' },
  usgovernment: { authority: 'https://login.microsoftonline.us', v1Issuer: 'https://sts.windows.net' },
  china: { authority: 'https://login.partner.microsoftonline.cn', v1Issuer: 'https://sts.chinacloudapi.cn' },
  france: { authority: 'https://login.sovcloud-identity.fr' },
  germany: { authority: 'https://login.sovcloud-identity.de' },
  singapore: { authority: 'https://login.sovcloud-identity.sg' }
}
