/**
 * IDs that are the same each time. Grants and assignments refer to a permission by its ID, so changing it would remove them all (Microsoft
 * Graph: "appRole resource type", "permissionScope resource type").
 */
import { createHash } from 'node:crypto'

/** The namespace of permission IDs, a random UUID. Changing it would change every ID. */
const namespace = 'ec29443f-bed0-4bd7-ae1d-7a6a465e8632'

/**
 * The ID of an API's permission. A scope and an app role of one name have one ID: they share one namespace, in which Entra refuses two IDs
 * for a name (Terraform's azuread provider, `azuread_application`: "Roles and Permission Scopes").
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
