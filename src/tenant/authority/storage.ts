import type { AdapterFactory, AdapterPayload } from 'oidc-provider'

/**
 * Stores sessions, codes and refresh tokens in memory, for as long as the tenant runs. The storage belongs to the tenant, so that they
 * outlive an authorization server that a key rotation replaces. (The server checks expiry.)
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
      // Only of this model: the sign-in that replaces a session refers to the grant as well, and continues.
      revokeByGrantId: async (grantId) => {
        for (const [id, entry] of entries) if (id.startsWith(key('')) && entry.grantId === grantId) entries.delete(id)
      }
    }
  }
}
