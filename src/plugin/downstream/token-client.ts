/** Tokens with which this API calls other APIs, for itself or for its caller: fetched once, cached, and never shared between users. */
import { createHash } from 'node:crypto'
import type { Principal } from '../claims/principal.js'
import { subjectOf } from '../lib/bounded-calls.js'
import type { Subject } from '../lib/circuit-breaker.js'
import type { Clock } from '../lib/clock.js'
import type { ExchangeJson } from '../lib/json-client.js'
import { loggedTexts } from '../lib/logged-text.js'
import type { Logger } from '../lib/logger.js'
import { LookupCache } from '../lib/lookup-cache.js'
import { inTime, OutageError } from '../lib/outages.js'
import { hasOwn, ownProperties } from '../lib/own.js'
import { refusal } from '../refusals/refusal.js'
import { DownstreamError } from '../refusals/refusal-error.js'
import { CredentialSource } from './credential-source.js'
import { partitionOf } from './encrypted-cache.js'
import { type Granted, requestToken, type TokenRequest } from './msal.js'
import type { OwnClient } from './options.js'
import { challengeRefusal, type NoToken } from './token-error.js'

/** Dependencies for fetching tokens. */
export interface DownstreamDependencies {
  readonly exchangeJson: ExchangeJson
  readonly clock: Clock
  readonly log: Logger
  /** Deadline for one token, from the query of a shared cache to the last byte of the tenant's response. */
  readonly timeoutSeconds: number
}

/** A token that another API refused. */
export interface RefusedToken {
  /** The refused token, which is not returned again. */
  readonly insteadOf?: string | undefined
  /** The `WWW-Authenticate` of the response, if any. If it contains `claims`, the user must satisfy them, and no token is returned. */
  readonly challenge?: string | null | undefined
}

/** A request for a token, and its subject. */
type SubjectRequest = TokenRequest & { readonly subject: Subject }

const endpoint = 'the token endpoint'
/** A token is not returned in the last minute of its lifetime. */
const leewaySeconds = 60
/** A client that retries at once must not exhaust the tenant's rate limit for this API. */
const refusedSeconds = 5
/** `Retry-After` (RFC 9110 §10.2.3) for this API's own clients: short, as another request may have got the token by then. */
const maxRetryAfterSeconds = 60

/** One app registration as a client of its tenant. */
export class TokenClient {
  readonly client: OwnClient
  readonly #dependencies: DownstreamDependencies
  readonly #credential: CredentialSource
  readonly #answers: LookupCache<Granted | NoToken>

  constructor(client: OwnClient, dependencies: DownstreamDependencies) {
    this.client = client
    this.#dependencies = dependencies
    this.#credential = new CredentialSource(client.credential, dependencies)
    const { timeoutSeconds, clock } = dependencies
    this.#answers = new LookupCache(endpoint, { timeoutSeconds, clock }, client.maxTokens)
  }

  /** See {@link CredentialSource.certificateEnd}. */
  get certificateEnd(): number | undefined {
    return this.#credential.certificateEnd
  }

  /**
   * Returns a token for this API itself (client credentials grant, RFC 6749 §4.4).
   *
   * @param insteadOf a token that was refused, and is not returned again
   * @throws DownstreamError 502 when the tenant refuses this API, 503 when it cannot be reached
   */
  async tokenForApp(tenantId: string, scope: string, insteadOf?: string): Promise<string> {
    const subject = { caller: JSON.stringify([tenantId]), directory: tenantId } // all requests of a directory share the token of this API itself
    const request = { tenantId, scopes: [scope], subject }
    return this.#other(request, insteadOf)
  }

  /**
   * Returns a token for the caller (on-behalf-of flow: RFC 7523 §2.1, `requested_token_use`).
   *
   * @param assertion the caller's own token; it is sent only to the tenant that issued it
   * @param refused a token that the other API refused, with its challenge; that token is not returned again
   * @throws DownstreamError 401 or 403 when the caller can resolve it, otherwise as {@link tokenForApp}
   */
  async tokenOnBehalfOf(
    principal: Principal,
    assertion: string,
    scopes: readonly string[],
    refused: RefusedToken = {}
  ): Promise<string> {
    const { insteadOf, challenge } = ownProperties(refused)
    const { kind, tenantId } = principal
    if (kind === 'app') throw new DownstreamError(refusal('user_required'))
    const request = { tenantId, scopes: [...scopes].sort(), assertion, subject: subjectOf(principal) }
    const asks = challengeRefusal(challenge ?? '')
    if (!asks) return this.#other(request, insteadOf)
    await this.#forget(request, insteadOf)
    throw new DownstreamError(asks)
  }

  /** Two tokens may have to be fetched, within one deadline. */
  async #other(request: SubjectRequest, insteadOf: string | undefined): Promise<string> {
    const { clock, timeoutSeconds } = this.#dependencies
    const since = clock.now()
    const token = await this.#token(request)
    if (token !== insteadOf) return token
    await this.#forget(request, insteadOf)
    const leftSeconds = timeoutSeconds - (clock.now() - since) / 1000
    const another = this.#token({ ...request, isRenewal: true })
    return inTime(endpoint, leftSeconds, another, clock).catch((error) => this.#unavailable(error))
  }

  #forget(request: TokenRequest, token: string | undefined): Promise<void> {
    return this.#answers.forgetOne(aboutOf(request), (answer) => hasOwn(answer, 'token') && answer.token === token)
  }

  async #token(request: SubjectRequest): Promise<string> {
    const answer = await this.#answer(request)
    if (hasOwn(answer, 'token')) return answer.token
    throw new DownstreamError(answer.refusal)
  }

  async #answer(request: SubjectRequest): Promise<Granted | NoToken> {
    try {
      const question = { about: aboutOf(request), ...request.subject }
      const { value } = await this.#answers.get(question, secondsOf, (signal) => this.#ask(request, signal))
      return value
    } catch (error) {
      return this.#unavailable(error)
    }
  }

  #unavailable(error: unknown): never {
    if (!(error instanceof OutageError)) throw error
    this.#dependencies.log.warn({ reason: error.message }, 'a token for another API could not be fetched')
    const retryAfterSeconds = Math.min(maxRetryAfterSeconds, Math.max(1, error.retryAfterSeconds ?? 1))
    throw new DownstreamError(refusal('downstream_unavailable', { retryAfterSeconds }))
  }

  async #ask(request: TokenRequest, signal: AbortSignal): Promise<Granted | NoToken> {
    const { client } = this
    const { log } = this.#dependencies
    const exchangeJson: ExchangeJson = (url, init) => this.#dependencies.exchangeJson(url, { ...init, signal })
    const { assertion } = request
    const isShared = client.sharedCache !== undefined && assertion !== undefined
    const partition = isShared ? partitionOf(client.sharedCache, client.clientId, assertion, log) : undefined
    const answer = await this.#credential.use((proof) =>
      requestToken({ client, proof, exchangeJson, partition }, request)
    )
    if (hasOwn(answer, 'refusal'))
      log.warn(loggedTexts(answer.about), `no token for another API: ${answer.refusal.code}`)
    return answer
  }
}

/** The cache key of a token: of the caller's token only the hash. */
function aboutOf({ tenantId, scopes, assertion }: TokenRequest): string {
  const caller = assertion === undefined ? null : createHash('sha256').update(assertion).digest('base64url')
  return JSON.stringify([tenantId, scopes, caller])
}

function secondsOf(answer: Granted | NoToken): number {
  return hasOwn(answer, 'token') ? answer.expiresAt - leewaySeconds - Date.now() / 1000 : refusedSeconds
}
