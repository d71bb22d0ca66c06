/** Freezes principals, which requests share: at once what guards read, and claims before code of the application sees them. */
import type { Principal } from './principal.js'

/** Freezes a value. Without recursion, however deeply it nests. */
export function deepFreeze<T extends object>(value: T): T {
  const open: object[] = [value]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    Object.freeze(next)
    for (const each of Object.values(next)) if (typeof each === 'object' && each !== null) open.push(each)
  }
  return value
}

/** Freezes a principal with its lists, and leaves its claims to {@link withFrozenClaims}: most of the cost, for many tokens in vain. */
export function frozenButClaims(principal: Principal): Principal {
  const { scopes, roles, groups, agent, actors } = principal
  for (const list of [scopes, roles, groups]) Object.freeze(list)
  if (agent) deepFreeze(agent)
  if (actors) deepFreeze(actors)
  return Object.freeze(principal)
}

/** The same principal, frozen at any depth. Every way to code of the application, and to another request, leads through it. */
export function withFrozenClaims<P extends Principal>(principal: P): P {
  if (!Object.isFrozen(principal.claims)) deepFreeze(principal.claims)
  return principal
}
