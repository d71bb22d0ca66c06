/** Operations: what callers may do beside routes, such as a tool, a resolver or a message, each with a name and a guard. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { shown } from '../lib/validate.js'
import { alternatives } from './alternatives.js'
import { type Guard, isGuard } from './guard.js'
import type { Rule } from './rules.js'

/** An operation that was declared. */
export interface DeclaredOperation {
  readonly name: string
  readonly rule: Rule
}

/** Fits the names of MCP tools, of GraphQL fields such as `Query.orders`, and of queues; has nothing that a table or a log would escape. */
const namePattern = /^[\w./:-]{1,128}$/

/** The operations of one app or verifier, in the order of their declaration. */
export class Operations {
  readonly #declared = new Map<string, DeclaredOperation>()
  readonly #rules: Rule[]
  #isSealed = false

  /** @param rules gets the rule of each operation */
  constructor(rules: Rule[]) {
    this.#rules = rules
  }

  get all(): readonly DeclaredOperation[] {
    return [...this.#declared.values()]
  }

  /** From now on, no operation can be declared: what lists them is complete. */
  seal(): void {
    this.#isSealed = true
  }

  /**
   * Adds an operation.
   *
   * @throws EntraConfigurationError when the name is not allowed or taken, the guard is none, or one that nobody can satisfy, or it is too
   * late
   */
  declare(name: string, guard: Guard): DeclaredOperation {
    if (typeof name !== 'string' || !namePattern.test(name))
      throw new EntraConfigurationError(
        `declareOperation() got the name ${shown(name)}; give 1 to 128 letters, digits and . _ - / :`
      )
    const called = `declareOperation(${shown(name)}, …)`
    if (this.#declared.has(name))
      throw new EntraConfigurationError(`${called} was called before; give each operation a name of its own`)
    if (!isGuard(guard))
      throw new EntraConfigurationError(`${called} got no guard; give a guard such as requireRole("Admin")`)
    if (alternatives(guard.rule).length === 0)
      throw new EntraConfigurationError(
        `${called} requires a user and an app at once, so nobody can call it; combine the guards with anyOf`
      )
    if (this.#isSealed)
      throw new EntraConfigurationError(
        `${called} was called after the app was ready; declare operations where routes are declared`
      )
    const operation = Object.freeze({ name, rule: guard.rule })
    this.#declared.set(name, operation)
    this.#rules.push(operation.rule)
    return operation
  }
}
