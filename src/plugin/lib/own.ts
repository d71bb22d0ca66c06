/** Own properties only: what somebody put on `Object.prototype` is no option, no claim, and nobody's role. */

/** A shallow copy of the own properties, which inherits nothing. For options of the application. */
export function ownProperties<T extends object>(given: T): T {
  return Object.assign(Object.create(null), given)
}

/** The same object, which inherits nothing any more. For what `JSON.parse` made: a name that it lacks is absent for every reader. */
export function withoutPrototype<T extends object>(parsed: T): T {
  return Object.setPrototypeOf(parsed, null)
}

/** What JSON says, at any depth an object that inherits nothing. For documents; of a token the payload itself is enough. */
export function parseDetached(json: string): unknown {
  return JSON.parse(json, (_name, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? withoutPrototype(value) : value
  )
}

/** One member, where it is the object's own. */
export function ownMember(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Readonly<Record<string, unknown>>)[name] : undefined
}

/** Tells the members of a union apart by a property of their own, as `in` does by any. */
export function hasOwn<T extends object, Name extends PropertyKey>(
  value: T,
  name: Name
): value is Extract<T, Readonly<Record<Name, unknown>>> {
  return Object.hasOwn(value, name)
}
