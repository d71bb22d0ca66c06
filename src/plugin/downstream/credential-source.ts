/**
 * The credential of one client while it is in use: loaded again as it changes, or when the tenant refuses it, so that a replaced secret or
 * certificate needs no restart. Whatever the tenant refuses, this API's requests stay bounded.
 */
import type { Clock } from '../lib/clock.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { reasonOf } from '../lib/json-client.js'
import type { Logger } from '../lib/logger.js'
import { inTime, OutageError } from '../lib/outages.js'
import { hasOwn } from '../lib/own.js'
import { certificateEnd, ExpiryWarning } from './certificate-expiry.js'
import type { Credential } from './credential.js'
import type { Granted } from './msal.js'
import { isSameProof, type Proof, type Proofs } from './proof.js'
import { type NoToken, refusesCredential } from './token-error.js'

/** Dependencies of a credential. */
export interface CredentialDependencies {
  readonly clock: Clock
  readonly log: Logger
  /** Deadline for loading it. */
  readonly timeoutSeconds: number
}

/** Requests a token with a proof. */
type Request = (proof: Proof) => Promise<Granted | NoToken>

/** Seconds. The minimum interval between two loads because the tenant refused, and after a failed load. */
const cooldownSeconds = 30
/** Seconds for which a refused proof is tried after the other one: during a rotation nearly all requests need one attempt. */
const refusedSeconds = 300

/** What a client authenticates with. */
export class CredentialSource {
  readonly #credential: Credential
  readonly #dependencies: CredentialDependencies
  readonly #expiry: ExpiryWarning
  readonly #refusedUntil = new WeakMap<Proof, number>()
  #proofs: Proofs | undefined
  #freshUntil = Number.NEGATIVE_INFINITY
  #mayReloadAt = Number.NEGATIVE_INFINITY
  #loading: Promise<Proofs> | undefined

  constructor(credential: Credential, dependencies: CredentialDependencies) {
    this.#credential = credential
    this.#dependencies = dependencies
    this.#expiry = new ExpiryWarning(dependencies)
    this.#proofs = credential.initial
    this.#expiry.check(this.#proofs)
  }

  /**
   * Makes a request with the current credential; if the tenant refuses that, also with another one, if there is one.
   *
   * @throws OutageError when no credential could be loaded; whatever the request throws
   */
  async use(request: Request): Promise<Granted | NoToken> {
    const proofs = await this.proofs()
    const answer = await this.#try(proofs, request)
    if (!isRefused(answer)) return answer
    const [first, ...others] = await this.#replacements(proofs)
    return first ? this.#try([first, ...others], request) : answer
  }

  /**
   * The current credential.
   *
   * @throws OutageError when none could be loaded
   */
  async proofs(): Promise<Proofs> {
    const proofs = await this.#current()
    this.#expiry.check(proofs)
    return proofs
  }

  /** When the certificate that is used expires, in ms since 1970; `undefined` if none is. */
  get certificateEnd(): number | undefined {
    return certificateEnd(this.#proofs)
  }

  async #current(): Promise<Proofs> {
    const { load, seconds } = this.#credential
    const proofs = this.#proofs
    if (proofs && (!load || this.#now() < this.#freshUntil)) return proofs
    const loading = this.#load(false)
    // A function may be slow, and the last secret or certificate is good enough until it returns. A file is read at once.
    return proofs && seconds > 0 && isLasting(proofs) ? proofs : loading
  }

  async #try(proofs: Proofs, request: Request): Promise<Granted | NoToken> {
    const [first, ...others] = this.#candidates(proofs)
    let answer = await this.#attempt(first, request)
    for (const proof of others) {
      if (!isRefused(answer)) return answer
      answer = await this.#attempt(proof, request)
      const option = this.#credential.name
      if (!isRefused(answer))
        this.#dependencies.log.warn({ option }, 'the tenant refused a credential of this API, and accepted another one')
    }
    return answer
  }

  async #attempt(proof: Proof, request: Request): Promise<Granted | NoToken> {
    const answer = await request(proof)
    if (isRefused(answer)) this.#refusedUntil.set(proof, this.#now() + refusedSeconds * 1000)
    else this.#refusedUntil.delete(proof)
    return answer
  }

  /**
   * Those that were refused lately come last. If all were, only the one that was refused longest ago is tried, so that refusals cost one request
   * each, and a tenant that refuses both for a reason of its own does not keep others from the one that is accepted.
   */
  #candidates(proofs: Proofs): Proofs {
    const untilOf = (proof: Proof) => this.#refusedUntil.get(proof) ?? Number.NEGATIVE_INFINITY
    const isOpen = (proof: Proof) => this.#now() >= untilOf(proof)
    const [first, ...others] = proofs.filter(isOpen)
    if (first) return [first, ...others, ...proofs.filter((proof) => !isOpen(proof))]
    return [proofs.reduce((oldest, proof) => (untilOf(proof) < untilOf(oldest) ? proof : oldest))]
  }

  /** What there is besides refused proofs, loaded again if that is allowed. */
  async #replacements(refused: Proofs): Promise<readonly Proof[]> {
    if (!this.#credential.load) return []
    const others = (proofs: readonly Proof[] = []) => proofs.filter((proof) => !refused.includes(proof))
    const known = others(this.#proofs)
    if (isLasting(refused) && known.length > 0) return known // another request loaded it meanwhile
    if (!this.#loading) {
      if (this.#now() < this.#mayReloadAt) return []
      this.#mayReloadAt = this.#now() + cooldownSeconds * 1000
    }
    return others(await this.#load(true))
  }

  /** Concurrent requests share one load. */
  #load(isRefused: boolean): Promise<Proofs> {
    this.#loading ??= this.#loadNow(isRefused).finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** Without a secret or certificate to go on with, a failure is thrown. */
  async #loadNow(isRefused: boolean): Promise<Proofs> {
    const { name, load, seconds } = this.#credential
    const { clock, log, timeoutSeconds } = this.#dependencies
    const before = this.#proofs
    try {
      const loaded = await inTime(name, timeoutSeconds, Promise.resolve(load?.(isRefused)), clock)
      const proofs = merged(loaded as Proofs, before)
      this.#proofs = proofs
      this.#freshUntil = isLasting(proofs) ? this.#now() + seconds * 1000 : Number.NEGATIVE_INFINITY
      if (before && isLasting(before) && proofs !== before)
        log.info({ option: name }, 'the credential of this API was replaced')
      return proofs
    } catch (error) {
      const reason = sentenceOf(name, error)
      if (!before || !isLasting(before)) throw new OutageError(reason)
      log.warn({ reason }, 'the credential of this API could not be loaded, and the last one is used')
      this.#freshUntil = this.#now() + cooldownSeconds * 1000
      return before
    }
  }

  #now(): number {
    return this.#dependencies.clock.now()
  }
}

/** Errors of this library name the option themselves. */
function sentenceOf(name: string, error: unknown): string {
  if (error instanceof OutageError || error instanceof EntraConfigurationError) return error.message
  return `${name} failed: ${reasonOf(error)}`
}

function isRefused(answer: Granted | NoToken): boolean {
  return hasOwn(answer, 'refusal') && refusesCredential(answer)
}

/** An assertion is used for one token. */
function isLasting([first]: Proofs): boolean {
  return !hasOwn(first, 'clientAssertion')
}

/** New proofs, and the one that they replaced: the new one may not be registered yet. Known proofs stay the same objects. */
function merged(loaded: Proofs, before: Proofs | undefined): Proofs {
  if (!before || !isLasting(loaded) || !isLasting(before)) return loaded
  const current = loaded.map((proof) => before.find((old) => isSameProof(old, proof)) ?? proof)
  const replaced = before.filter((old) => !current.includes(old))
  const [first = loaded[0], ...others] = [...current, ...replaced].slice(0, 2)
  const proofs: Proofs = [first, ...others]
  const isUnchanged = before.length === proofs.length && proofs.every((proof, at) => proof === before[at])
  return isUnchanged ? before : proofs
}
