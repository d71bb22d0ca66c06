/** Who acts for the subject of a token: the claim `act` (RFC 8693 §4.1). Pure; never throws. */
import { ownMember } from '../lib/own.js'
import type { Actor, Claims } from './principal.js'
import { isSent, text } from './read.js'

/** How many actors a chain may have, the current one included. */
export const maxActors = 10

/**
 * The actors of a token, the current one first; none where it has no `act`.
 *
 * @returns `undefined` where `act` does not show who acts: somewhere in the chain is a value that is no object, an actor without a `sub`, or
 *   an `iss` that is no text; or there are more than {@link maxActors}
 */
export function actorsOf({ act }: Claims): readonly Actor[] | undefined {
  const actors: Actor[] = []
  let next: unknown = act
  while (isSent(next)) {
    const actor = actorIn(Object(next))
    if (!actor || actors.length === maxActors) return undefined
    actors.push(actor)
    next = ownMember(Object(next), 'act')
  }
  return actors
}

/** Identified by `sub`, together with `iss` where that is sent. Other members are no rights of the actor, and are not read. */
function actorIn(act: object): Actor | undefined {
  const [subject, iss] = [text(ownMember(act, 'sub')), ownMember(act, 'iss')]
  const issuer = text(iss)
  if (subject === undefined || (isSent(iss) && issuer === undefined)) return undefined
  return { subject, ...(issuer !== undefined && { issuer }) }
}
