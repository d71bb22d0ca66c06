/** What a row of the tables is: one request that differs from an accepted one in one respect, and its answer. */
import type { World } from './world.js'

type Made<T> = T | Promise<T>

export interface Row {
  /** The rule that the request breaks: an RFC's section, or Microsoft's rule in words. Of a control: the rule that lets it in. */
  readonly rule: string
  /** The one thing that differs from an accepted request. */
  readonly change: string
  /**
   * The answer: `200`, or status, challenge `error` and body `code`. `-` is a challenge without an `error`, `x` no
   * challenge. Of several answers on one connection: one each, in their order.
   */
  readonly is: string | readonly string[]
  /** Default: a good user token. */
  readonly token?: (world: World) => Made<string>
  /** `oidc`: the API that trusts the other provider. Default: the one that trusts the tenant. */
  readonly api?: 'oidc'
  /** Default: `/me`, which any good token opens. */
  readonly path?: string
  /** The whole request, one character for each byte. Default: a GET of `path` with the token as its Bearer credentials. */
  readonly send?: (token: string, world: World) => Made<string>
}

export type Table = readonly Row[]

export const nameOf = ({ rule, change }: Row) => `${rule}: ${change}`

/** Rows that break one rule and share an answer. */
export function rows(rule: string, is: string, changes: Record<string, Row['token']>): Row[] {
  return Object.entries(changes).map(([change, token]) => ({ rule, change, is, ...(token && { token }) }))
}

/** A GET, byte for byte. */
export function get(path: string, ...headers: readonly string[]): string {
  return request(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...headers)
}

/** Any request: its lines, then an empty one. */
export function request(...lines: readonly string[]): string {
  return [...lines, '', ''].join('\r\n')
}
