/** A constraint whose values are objects. */
import type { FastifyInstance } from 'fastify'

type Strategy = Parameters<FastifyInstance['addConstraintStrategy']>[0]
type Storage = ReturnType<Strategy['storage']>
type Handler = ReturnType<Storage['get']>

export const byIdentity: Strategy = {
  name: 'tier',
  storage: () => {
    const handlers = new Map<unknown, Handler>()
    return { get: (key) => handlers.get(key) ?? null, set: (key, handler) => void handlers.set(key, handler) }
  },
  validate: () => {},
  deriveConstraint: () => undefined
}
