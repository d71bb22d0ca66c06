/**
 * APIs of Microsoft's own. Sources: Microsoft, "Verify first-party Microsoft applications in sign-in reports"; the endpoints of each cloud in the
 * Azure CLI (`azure/cli/core/cloud.py`) and, for France, Germany and Singapore, in the Azure SDK.
 */
import { clouds } from './clouds.js'

const sovereign = (host: string) => ['fr', 'de', 'sg'].map((country) => `https://${host}.sovcloud-api.${country}`)

/** Microsoft's APIs for which any client may request tokens, by application ID and App ID URI, in lower case without a trailing slash. */
const microsoftApis: Readonly<Record<string, readonly string[]>> = {
  'Microsoft Graph': [
    '00000003-0000-0000-c000-000000000000',
    ...Object.values(clouds).map(({ graph }) => graph),
    ...['https://dod-graph.microsoft.us', 'https://graph.microsoft.de']
  ],
  'Azure AD Graph': [
    ...['00000002-0000-0000-c000-000000000000', 'https://graph.windows.net', 'https://graph.microsoftazure.us'],
    ...['https://graph.chinacloudapi.cn', 'https://graph.cloudapi.de']
  ],
  'Azure Resource Manager': [
    ...['797f4846-ba00-4fd7-ba43-dac1f8f63013', 'https://management.azure.com', 'https://management.core.windows.net'],
    ...['https://management.usgovcloudapi.net', 'https://management.core.usgovcloudapi.net'],
    ...['https://management.chinacloudapi.cn', 'https://management.core.chinacloudapi.cn'],
    ...['https://management.microsoftazure.de', 'https://management.core.cloudapi.de'],
    ...[...sovereign('management'), ...sovereign('management.core')]
  ],
  'Azure Key Vault': [
    ...['cfa8b339-82a2-471a-a3c9-0fc0be7a4093', 'https://vault.azure.net', 'https://vault.usgovcloudapi.net'],
    ...['https://vault.azure.cn', 'https://vault.microsoftazure.de', ...sovereign('vault')]
  ],
  'Azure Storage': ['e406a681-f3d4-42a8-90b6-c2b029497af1', 'https://storage.azure.com'],
  'Azure SQL Database': [
    ...['022907d3-0f1b-48f7-badc-1ba6abab6d66', 'https://database.windows.net', 'https://database.usgovcloudapi.net'],
    ...['https://database.chinacloudapi.cn', 'https://database.cloudapi.de']
  ],
  'Azure DevOps': ['499b84ac-1321-427f-aa17-267ca6975798'],
  'Azure Monitor': ['ca7f3f0b-7d91-482c-8e09-c5d840d0eac5', 'https://api.loganalytics.io'],
  'Exchange Online': [
    ...['00000002-0000-0ff1-ce00-000000000000', 'https://outlook.office365.com', 'https://outlook.office.com']
  ],
  'SharePoint Online': ['00000003-0000-0ff1-ce00-000000000000'],
  'Office 365 Management APIs': ['c5393580-f805-4401-95e8-94b7a6ef2fc2', 'https://manage.office.com'],
  'Power BI': ['00000009-0000-0000-c000-000000000000', 'https://analysis.windows.net/powerbi/api'],
  'Microsoft Teams': ['cc15fd57-2c6c-4117-a88c-83b1d56b4bbe', 'https://api.spaces.skype.com'],
  "Entra's token exchange": [
    ...['fb60f99c-7a34-4190-8149-302f77469936', 'api://azureadtokenexchange', 'api://azureadtokenexchangeusgov'],
    ...['api://azureadtokenexchangechina']
  ]
}

/** Names by their audiences in tokens. */
export const named = (apis: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(apis).flatMap(([name, audiences]) => audiences.map((audience) => [audience, name] as const))
const microsoftNames: ReadonlyMap<string, string> = new Map(named(microsoftApis))

/** App ID URIs may prefix the application ID with `api://`; a trailing slash is optional (Microsoft: v1 tokens). */
export const plain = (audience: string) => audience.toLowerCase().replace(/\/+$/, '')
const withoutScheme = (audience: string) => audience.replace(/^api:\/\//, '')

/** Microsoft's API whose tokens have this audience, if there is one; accepts any value. */
export function microsoftApiOf(audience: unknown): string | undefined {
  const name = typeof audience === 'string' ? plain(audience) : ''
  return microsoftNames.get(name) ?? microsoftNames.get(withoutScheme(name))
}
