/** The registration as Bicep: `Microsoft.Graph/applications@v1.0` of the Microsoft Graph extension (Microsoft: "Microsoft.Graph applications"). */
import type { Application } from './application.js'

/**
 * A file of one resource, whose members are those of Graph. Bicep finds a registration by its `uniqueName`: a registration that was created
 * in another way has none until one is set, once (Microsoft: "Onboard existing Microsoft Graph resources for use in Bicep templates").
 */
export function toBicep(application: Application, apiName: string): string {
  const [identifierUri = ''] = application.identifierUris
  const resource = { uniqueName: identifierUri.replace('://', '-'), displayName: apiName, ...application }
  return [
    '// Written from the guards of the API.',
    '// In bicepconfig.json, extensions: "microsoftGraphV1": "br:mcr.microsoft.com/bicep/extensions/microsoftgraph/v1.0:1.0.0"',
    'extension microsoftGraphV1',
    '',
    `resource api 'Microsoft.Graph/applications@v1.0' = ${expression(resource, '')}`,
    ''
  ].join('\n')
}

/** JSON in Bicep's syntax: one member or item per line, no commas, no null (the types of the extension have none). */
function expression(value: unknown, indent: string): string {
  if (typeof value === 'string') return text(value)
  if (typeof value !== 'object' || value === null) return String(value)
  const inner = `${indent}  `
  const lines = Array.isArray(value)
    ? value.map((item) => expression(item, inner))
    : Object.entries(value).flatMap(([name, member]) =>
        member === null ? [] : `${name}: ${expression(member, inner)}`
      )
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  return lines.length === 0
    ? `${open}${close}`
    : [open, ...lines.map((line) => inner + line), indent + close].join('\n')
}

/** Microsoft: "Data types in Bicep", strings: single quotes, with a template's opening escaped. */
function text(value: string): string {
  const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
  return `'${value.replace(/\\|'|\$(?=\{)|[\n\r\t]/g, (sign) => escapes[sign] ?? `\\${sign}`)}'`
}
