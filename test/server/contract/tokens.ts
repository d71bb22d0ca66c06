/** Tokens of the embedded tenant that hold what a way asks for, and nothing else. */
import { decodeJwt, type JWTPayload } from 'jose'
import type { Tenant } from '../../../src/tenant/index.js'
import { appToken, userToken } from '../../support/server.js'
import type { Caller, Claim, Way } from './ways.js'

/** A token for a way, and from another issuer where there is one. */
export type Mint = (way: Way, issuer?: string) => Promise<string>

/** Takes the tokens that the tenant issues for patterns, and has it sign them again with other permissions. */
export async function minter(tenant: Tenant): Promise<Mint> {
  const patterns: Record<Caller, JWTPayload> = {
    user: decodeJwt(await userToken(tenant, 'user@contoso.example')),
    app: decodeJwt(await appToken(tenant, 'daemon'))
  }
  const minted = new Map<string, Promise<string>>()
  return ({ caller, asks }, issuer = tenant.issuer) => {
    const { scp, roles, groups, ...pattern } = patterns[caller]
    const values = (claim: Claim) =>
      asks.filter((ask) => ask.startsWith(`${claim} `)).map((ask) => ask.slice(claim.length + 1))
    const lists = (['roles', 'groups', 'acrs'] as const).map((claim) => [claim, values(claim)] as const)
    const held = Object.fromEntries(
      [['scp', values('scp').join(' ')] as const, ...lists].filter(([, { length }]) => length > 0)
    )
    const claims = { ...pattern, ...held, iss: issuer }
    const key = JSON.stringify(claims)
    const token = minted.get(key) ?? tenant.sign(claims)
    minted.set(key, token)
    return token
  }
}
