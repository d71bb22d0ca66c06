/** Who is compared. */
import { type WorkloadName, workloads } from './workloads.js'

export interface Variant {
  readonly name: string
  readonly what: string
  readonly group: 'limits' | 'fastify-entra' | 'peers on Fastify' | 'peers on Express 5'
  /** The script below `variants`. */
  readonly script: string
  readonly args?: readonly string[]
  /** Options of the plugin. */
  readonly options?: Readonly<Record<string, unknown>>
  /** The server that its share is counted of: the same framework without authentication. */
  readonly baseline: string
  readonly workloads: readonly WorkloadName[]
  /** What a server without all checks answers is no mistake, as it is no contender. */
  readonly checked: boolean
}

const everything = workloads.map(({ name }) => name)
const onFastify = 'limit-no-auth'
const onExpress = 'express-no-auth'

type Named = Pick<Variant, 'name' | 'what'>

const limit = (named: Named, ...of: WorkloadName[]): Variant => ({
  ...{ ...named, group: 'limits', script: named.name, workloads: of, checked: false },
  baseline: named.name === onExpress ? onExpress : onFastify
})
const ours = (named: Named, options: Record<string, unknown>, rest: Partial<Variant> = {}): Variant => ({
  ...{ ...named, group: 'fastify-entra', script: 'ours', baseline: onFastify, workloads: everything, checked: true },
  ...{ options, ...rest }
})
const peer = (group: 'peers on Fastify' | 'peers on Express 5', named: Named): Variant => ({
  ...{ ...named, group, script: named.name, workloads: everything, checked: true },
  baseline: group === 'peers on Fastify' ? onFastify : onExpress
})
/** Events need a logger, so both sides of the comparison have one. */
const audited = { workloads: ['thousand', 'forged'], args: ['--logger'] } as const
/** Only in the contest of known tokens, where measuring shows most. */
const measured = { script: 'ours-telemetry', workloads: [] } as const

export const variants: readonly Variant[] = [
  limit({ name: 'limit-no-auth', what: 'Fastify, no authentication' }, 'one', 'thousand'),
  limit({ name: 'limit-header', what: 'a hook that reads the header' }, 'one', 'thousand'),
  limit({ name: 'limit-verify', what: 'a hook with one RSA verify, node:crypto' }, 'new', 'forged', 'half-hostile'),
  limit({ name: 'limit-jwt-verify', what: '@fastify/jwt `jwtVerify()`, static PEM' }, 'new', 'forged'),
  limit({ name: 'limit-refuse', what: 'instant refusal' }, 'malformed', 'unknown-kid'),
  limit({ name: 'express-no-auth', what: 'Express 5, no authentication' }, 'thousand'),
  ours({ name: 'ours', what: 'fastify-entra' }, {}),
  ours({ name: 'ours-oidc', what: '… for another OpenID provider' }, {}, { script: 'ours-oidc' }),
  ours({ name: 'ours-prometheus', what: '… measured by prom-client' }, {}, measured),
  ours(
    { name: 'ours-opentelemetry', what: '… measured by the SDK of OpenTelemetry' },
    {},
    { ...measured, args: ['--opentelemetry'] }
  ),
  ours({ name: 'ours-no-cache', what: '… with `tokenCache: false`' }, { tokenCache: false }),
  ours({ name: 'ours-audit-off', what: "… with a logger and `audit: 'off'`" }, { audit: 'off' }, audited),
  ours({ name: 'ours-audit', what: "… with a logger and `audit: 'refusals'`" }, { audit: 'refusals' }, audited),
  ...[
    { name: 'fastify-jwt-get-jwks', what: '@fastify/jwt + get-jwks, as documented' },
    { name: 'fastify-jwt-jwks', what: 'fastify-jwt-jwks' },
    { name: 'fastify-jose', what: 'jose in a hook' },
    { name: 'fastify-aws-jwt-verify', what: 'aws-jwt-verify in a hook' }
  ].map((named) => peer('peers on Fastify', named)),
  ...[
    { name: 'express-oauth2-jwt-bearer', what: 'express-oauth2-jwt-bearer' },
    { name: 'express-passport-azure-ad', what: 'passport-azure-ad' },
    { name: 'express-jwt-jwks-rsa', what: 'express-jwt + jwks-rsa' }
  ].map((named) => peer('peers on Express 5', named))
]

/** A mistake of these ends the benchmark with 1; a peer's is shown. */
export const isOurs = ({ group }: Variant) => group === 'fastify-entra' || group === 'limits'

/** For a section of its own, with a server that is no contender. */
export const aside = (script: string, options: Readonly<Record<string, unknown>> = {}): Variant =>
  ours({ name: script, what: script }, options, { script })
