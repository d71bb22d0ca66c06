/** The provider in `server.py` as a process, and the tokens that its clients get. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { within } from '../../faults/waits.js'
import { skipWithout } from '../../support/programs.js'

/** Debian's packages are for Debian's Python, which need not be the first in the path. */
const python = ['python3', '/usr/bin/python3'].find(
  (each) => spawnSync(each, ['-c', 'import authlib.integrations.flask_oauth2']).status === 0
)

/** For tap. No program is called so: what is missing is named, by the rule for all programs. */
export const skip = python ? false : skipWithout('Python with Authlib and Flask (python3-authlib, python3-flask)')

/** Forms of access tokens: as RFC 9068 says, and as Authlib made them before there was one. */
export type Form = 'rfc9068' | 'rfc7523'

/** A sign-in by code and PKCE (RFC 6749 §4.1, RFC 7636). */
export interface SignIn {
  /** `web` unless said otherwise. */
  readonly clientId?: string
  /** Who signs in; `ada` unless said otherwise. */
  readonly user?: string
  readonly nonce?: string
  /** The APIs that the access token is for (RFC 8707 §2). */
  readonly resource?: readonly string[]
}

/** A service for itself: client credentials (RFC 6749 §4.4). */
export interface ServiceRequest {
  /** `service` unless said otherwise. */
  readonly clientId?: 'service' | 'brief'
  readonly scope?: string
  readonly resource?: readonly string[]
}

export interface Provider {
  readonly issuer: string
  /** Authlib's version. */
  readonly authlib: string
  /** The published set, as it is. */
  keys(): Promise<Record<string, string>[]>
  signIn(request?: SignIn): Promise<{ accessToken: string; idToken: string }>
  serviceToken(request?: ServiceRequest): Promise<string>
  /** New keys in the place of the old. */
  rotate(): Promise<void>
  /** Resolves when the process has ended. */
  stop(): Promise<void>
}

/** What the process says of itself when it is ready. */
interface Ready {
  readonly base: string
  readonly issuer: string
  readonly authlib: string
  readonly control: string
}

/**
 * Starts one; it ends with the test.
 *
 * @param issuer another one's name, for an impostor
 */
export async function startProvider(t: Test, form: Form, issuer?: string): Promise<Provider> {
  const script = 'test/providers/authlib/server.py'
  const child = spawn(String(python), ['-B', script, form, ...(issuer ? [issuer] : [])])
  const ended = once(child, 'close')
  const stop = async () => {
    child.stdin.end()
    await within('the provider to end', ended)
  }
  t.teardown(stop)
  const { base, control, ...about } = await within('the provider', readyLine(child))
  return {
    ...about,
    keys: async () => (await json<{ keys: Record<string, string>[] }>(await fetch(`${base}/jwks`))).keys,
    signIn: (request = {}) => signIn(base, request),
    serviceToken: (request = {}) => serviceToken(base, request),
    rotate: async () => void (await json(await fetch(`${control}/rotate`, { method: 'POST' }))),
    stop
  }
}

/** @throws Error with what the process said when it ends instead */
async function readyLine(child: ChildProcess): Promise<Ready> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  const ended = once(child, 'close').then(() => {
    throw new Error(`the provider ended: ${said}`)
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
  return JSON.parse(line) as Ready
}

const callback = 'http://127.0.0.1/callback'

async function signIn(base: string, { clientId = 'web', user = 'ada', nonce, resource = [] }: SignIn) {
  const verifier = randomBytes(32).toString('base64url')
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: callback,
    scope: 'openid profile email access_as_user',
    login_hint: user,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(nonce !== undefined && { nonce })
  })
  const response = await fetch(`${base}/authorize?${asked}`, { redirect: 'manual' })
  const code = new URL(response.headers.get('location') ?? base).searchParams.get('code')
  if (code === null) throw new Error(`no code: ${response.status} ${await response.text()}`)
  const proof = { client_id: clientId, redirect_uri: callback, code, code_verifier: verifier }
  const tokens = await token(base, { grant_type: 'authorization_code', ...proof }, resource)
  return { accessToken: tokens.access_token, idToken: String(tokens.id_token) }
}

async function serviceToken(base: string, { clientId = 'service', scope, resource = [] }: ServiceRequest) {
  const authorization = `Basic ${btoa(`${clientId}:${clientId}-secret`)}`
  const form = { grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }
  return (await token(base, form, resource, { authorization })).access_token
}

interface Tokens {
  readonly access_token: string
  readonly id_token?: string
}

async function token(
  base: string,
  form: Record<string, string>,
  resource: readonly string[],
  headers: Record<string, string> = {}
): Promise<Tokens> {
  const body = new URLSearchParams(form)
  for (const api of resource) body.append('resource', api)
  return json<Tokens>(await fetch(`${base}/token`, { method: 'POST', headers, body }))
}

async function json<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`the provider answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}
