/**
 * Hosts of Microsoft's sign-in services, former ones included. Sources: Microsoft, "National clouds"; the host list of `@azure/msal-common` 16;
 * "External ID" and "Azure AD B2C" for `ciamlogin.com` and `b2clogin.com`.
 */
import { microsoftOrigins } from './clouds.js'

const hosts: ReadonlySet<string> = new Set([
  ...[...microsoftOrigins].map((origin) => new URL(origin).hostname),
  ...['login.windows.net', 'login.microsoft.com', 'login-us.microsoftonline.com', 'login.chinacloudapi.cn'],
  ...['login.microsoftonline.de', 'login.usgovcloudapi.net']
])

/**
 * The options to give instead of `issuer` for a provider of Microsoft's: by the rules for any OpenID provider, a guest would count as a
 * member, and an app as a user. `undefined` for any other host.
 *
 * @param issuer a URL
 */
export function entraOptionsFor(issuer: string): string | undefined {
  const host = new URL(issuer).hostname.replace(/\.$/, '')
  if (host === 'ciamlogin.com' || host.endsWith('.ciamlogin.com'))
    return `tenantId, clientId and authority "https://${host}"`
  if (/(^|\.)b2clogin\.(com|cn)$/.test(host)) return `tenantId, clientId, userFlow and authority "https://${host}"`
  return hosts.has(host) ? 'tenantId and clientId, and cloud for a national cloud' : undefined
}
