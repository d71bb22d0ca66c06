/** Own properties only: a property of `Object.prototype` is never an option, a claim or a role. */

/** A shallow copy of the own properties, without a prototype. For options of the application. */
export function ownProperties<T extends object>(given: T): T {
  return Object.assign(Object.create(null), given)
}

/** Removes the prototype of an object from `JSON.parse`, so that a member that it lacks is absent for every reader. */
export function withoutPrototype<T extends object>(parsed: T): T {
  return Object.setPrototypeOf(parsed, null)
}

/** Parses JSON into objects without prototypes, at any depth. For documents; for a token the payload itself is enough. */
export function parseDetached(json: string): unknown {
  return JSON.parse(json, (_name, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? withoutPrototype(value) : value
  )
}

/** One member, if it is an own property. */
export function ownMember(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Readonly<Record<string, unknown>>)[name] : undefined
}

/** Narrows a union by an own property, as `in` does by any property. */
export function hasOwn<T extends object, Name extends PropertyKey>(
  value: T,
  name: Name
): value is Extract<T, Readonly<Record<Name, unknown>>> {
  return Object.hasOwn(value, name)
}
