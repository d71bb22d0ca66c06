import type { AdapterFactory, AdapterPayload } from 'oidc-provider'

/**
 * Where sessions, codes and refresh tokens live: memory, for as long as the tenant runs. It is the tenant's own, so
 * that they outlast the authorization server that a key rotation replaces. (Expiry is the server's to check.)
 */
export function createStorage(): AdapterFactory {
  const entries = new Map<string, AdapterPayload>()

  return (model) => {
    const key = (id: string) => `${model}:${id}`
    const find = async (id: string) => entries.get(key(id))
    return {
      find,
      findByUserCode: async (code) => [...entries.values()].find((entry) => entry.userCode === code),
      findByUid: async (uid) => [...entries.values()].find((entry) => entry.uid === uid),
      upsert: async (id, payload) => void entries.set(key(id), payload),
      consume: async (id) => void entries.set(key(id), { ...entries.get(key(id)), consumed: Date.now() / 1000 }),
      destroy: async (id) => void entries.delete(key(id)),
      // Of this model alone: the sign-in that replaces a session names the grant too, and goes on.
      revokeByGrantId: async (grantId) => {
        for (const [id, entry] of entries) if (id.startsWith(key('')) && entry.grantId === grantId) entries.delete(id)
      }
    }
  }
}
