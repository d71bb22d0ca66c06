/**
 * The engine of the plugin and of {@link createVerifier}: trusted issuers with their keys, the token cache, the clients for calling other
 * APIs.
 */
import { type Audit, createAudit } from './audit/audit.js'
import type { Principal } from './claims/principal.js'
import { loadClientPackage, TokenClients } from './downstream/token-clients.js'
import { withHint } from './entra/hints.js'
import { Issuer, type IssuerSettings, type TenantEvent } from './issuers/issuer.js'
import { keySaver, preloadKeys } from './issuers/preloading.js'
import { TrustedIssuers } from './issuers/trusted-issuers.js'
import { ClockSkew } from './keys/clock-skew.js'
import { systemClock } from './lib/clock.js'
import { createJsonClient, type ExchangeJson, type FetchJson } from './lib/json-client.js'
import type { Logger } from './lib/logger.js'
import { sendOver } from './lib/test-network.js'
import type { Settings } from './options.js'
import type { Refusal } from './refusals/refusal.js'
import { type ScopeName, scopeNameWith } from './refusals/scope-name.js'
import type { DecodedToken } from './verification/decode.js'
import { KnownHeaders } from './verification/known-headers.js'
import { signatureCheck } from './verification/signature.js'
import { Forgeries } from './verification/signature-precheck.js'
import { TokenCache } from './verification/token-cache.js'
import { VerifiedPrincipals } from './verification/verified-principals.js'
import type { VerifierState } from './verification/verify.js'

/** Concurrent calls to one origin: eight directories may use all their places (`lookup-cache`) before others wait. */
const connectionsForCallers = 1024

/** Half of Fastify's `pluginTimeout`, 10 s by default: after that, startup would fail. */
const maxStartSeconds = 5

/** The issuers of one tenant; v2, which every product has, comes first. */
export type Issuers = readonly [Issuer, ...Issuer[]]

/** What all verifications with one set of options share. */
export interface Engine {
  readonly settings: Settings
  readonly issuers: Issuers
  readonly verifier: VerifierState
  readonly audit: Audit
  readonly downstreams: TokenClients
  /** How the clients of a caller's issuer request a scope. */
  readonly scopeNameFor: (principal: Principal) => ScopeName
  /** For calls to other services on behalf of callers. */
  readonly exchangeJson: ExchangeJson
  /** Fetches keys for the first time, once. Resolves when they are loaded or the wait is over. Never rejects. */
  firstTry(): Promise<unknown>
  /** Aborts pending calls and closes the sockets. */
  close(): Promise<void>
}

/** How an engine logs. */
export interface EngineLog {
  readonly log: Logger
  /** For log lines about one issuer. Default: `log`, with the URL in each line */
  readonly logFor: (metadataUrl: string) => Logger
  readonly isSilent: (log: Logger) => boolean
  /** After how many seconds startup is over at the latest. Default: no limit */
  readonly startTimeoutSeconds?: number | undefined
}

/**
 * Creates an engine, with its preloaded keys.
 *
 * @throws EntraConfigurationError when a package that an option needs is not installed, a proxy variable is invalid, or preloaded keys must not
 * be used
 */
export async function startEngine(settings: Settings, host: EngineLog): Promise<Engine> {
  const engine = await createEngine(settings, host)
  const { preloadedKeys: source, keyTimings } = settings
  const timeoutSeconds = patienceOf(settings, host)
  const { maxStaleSeconds } = keyTimings
  await preloadKeys(engine.issuers, { source, timeoutSeconds, maxStaleSeconds, log: host.log })
  return engine
}

/** Seconds that startup waits for what may hang. */
function patienceOf({ keysTimeoutSeconds }: Settings, { startTimeoutSeconds = Number.POSITIVE_INFINITY }: EngineLog) {
  return Math.min(keysTimeoutSeconds, maxStartSeconds, startTimeoutSeconds / 2)
}

async function createEngine(settings: Settings, host: EngineLog): Promise<Engine> {
  const { log, logFor, isSilent } = host
  await loadClientPackage(settings.clients)
  const { keysTimeoutSeconds: timeoutSeconds, tokenCache, clockToleranceSeconds } = settings
  // Two, as a client limits its connections to an origin: calls on behalf of callers must not delay the keys.
  const skew = new ClockSkew()
  const seen = (origin: string, { date }: { readonly date?: unknown }) => skew.note(origin, date)
  const send = sendOver(settings.testNetworks)
  const forKeys = createJsonClient(timeoutSeconds, undefined, seen, settings.insecureHttpHosts, send)
  const forCallers = createJsonClient(timeoutSeconds, connectionsForCallers, undefined, undefined, send)
  const audit = createAudit(settings.audit, isSilent)
  const { fetchJson } = forKeys
  const fetched = keySaver(settings.saveKeys, () => issuers, { log, clock: systemClock })
  const issuers = createIssuers(settings, { fetchJson, logFor, tell: (change) => audit.tenant(log, change), fetched })
  const trusted = new TrustedIssuers(issuers)
  const verifier: VerifierState = {
    ...settings,
    issuers: trusted,
    hint: (why, decoded) =>
      withClock(withHint(why, decoded, { ...settings, issuers: trusted }), decoded, { issuers: trusted, skew }),
    verified: new VerifiedPrincipals(),
    cache: tokenCache && new TokenCache(tokenCache, clockToleranceSeconds),
    knownHeaders: new KnownHeaders(),
    checkSignature: signatureCheck(clockToleranceSeconds),
    forgeries: new Forgeries()
  }
  const { exchangeJson } = forCallers
  let trying: Promise<unknown> | undefined
  const downstreams = new TokenClients(trusted, settings.clients, {
    exchangeJson,
    clock: systemClock,
    log,
    timeoutSeconds
  })
  return Object.freeze<Engine>({
    ...{ settings, issuers, verifier, audit, downstreams, exchangeJson },
    // The issuer is looked up where a scope is named, which a request that passes never does.
    scopeNameFor:
      ({ issuer }) =>
      (scope) =>
        scopeNameWith(trusted.named(issuer)?.settings.profile.scopeBase)(scope),
    firstTry: () => (trying ??= firstTry(issuers, patienceOf(settings, host))),
    async close() {
      for (const { keys } of issuers) keys.close()
      await Promise.all([forKeys.close(), forCallers.close()])
    }
  })
}

interface IssuerDependencies {
  readonly fetchJson: FetchJson
  readonly logFor: EngineLog['logFor']
  readonly tell: (change: TenantEvent) => void
  readonly fetched: (() => void) | undefined
}

function createIssuers(settings: Settings, { logFor, fetched, ...shared }: IssuerDependencies): Issuers {
  const names = new Map<string, Issuer>()
  const toIssuer = (issuer: IssuerSettings) => {
    const log = logFor(issuer.url)
    return new Issuer(issuer, settings.keyTimings, {
      ...shared,
      ...(fetched && { fetched }),
      clock: systemClock,
      log,
      names
    })
  }
  const [first, ...others] = settings.issuers
  const issuers: Issuers = [toIssuer(first), ...others.map(toIssuer)]
  const byUrl = new Map(issuers.map((issuer) => [issuer.settings.url, issuer]))
  for (const issuer of issuers) issuer.sibling = byUrl.get(issuer.settings.siblingUrl ?? '')
  return issuers
}

interface Clocks {
  readonly issuers: TrustedIssuers
  readonly skew: ClockSkew
}

/** Most tokens that are not valid yet, or expired early, come to a machine whose clock is wrong. */
function withClock(why: Refusal, { payload }: DecodedToken, { issuers, skew }: Clocks): Refusal {
  if (why.code !== 'token_not_yet_valid' && why.code !== 'token_expired') return why
  const issuer = issuers.named(String(payload.iss))
  const words = issuer && skew.inWords(new URL(issuer.settings.url).origin)
  return words === undefined ? why : { ...why, detail: `${why.detail} By its responses ${words}.` }
}

/** Startup waits for keys, so that the first requests succeed, but a tenant that hangs must not block it. */
function firstTry(issuers: Issuers, patienceSeconds: number): Promise<unknown> {
  // What an optional issuer lacked when the keys were saved it most likely does not have at all.
  const isPreloaded = issuers.some(({ status }) => status.preloaded)
  const tries = issuers.map(({ keys, settings }) => ({
    isAwaited: !(isPreloaded && settings.optional),
    first: keys.start()
  }))
  const awaited = tries.filter(({ isAwaited }) => isAwaited).map(({ first }) => first)
  return new Promise((resolve) => {
    const cancel = systemClock.after(patienceSeconds * 1000, () => resolve(undefined))
    void Promise.all(awaited).then(cancel).then(resolve)
  })
}
