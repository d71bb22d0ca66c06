/**
 * IDs that are the same each time. Grants and assignments name a permission by its ID, so one that changed would take them all away
 * (Microsoft Graph: "appRole resource type", "permissionScope resource type").
 */
import { createHash } from 'node:crypto'

/** A UUID drawn once, for IDs of permissions. Another one would be another ID for each of them. */
const namespace = 'ec29443f-bed0-4bd7-ae1d-7a6a465e8632'

/**
 * The ID of an API's permission. A scope and an app role of one name have one ID: they share one name space, in which two IDs for a
 * name are refused (Terraform's azuread provider, `azuread_application`: "Roles and Permission Scopes").
 */
export function stableId(clientId: string, value: string): string {
  return nameBasedUuid(namespace, `${clientId.toLowerCase()}/${value}`)
}

/** A UUID of version 5: a SHA-1 of a namespace and a name, with version and variant put in (RFC 9562 §5.5). */
export function nameBasedUuid(namespaceId: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespaceId.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
