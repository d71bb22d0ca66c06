/**
 * Connections that end at a private address, or are destroyed before anything is sent: for hosts from which plain http is accepted. What a name
 * resolves to is only known for sure of a socket that is connected.
 */
import type { Socket } from 'node:net'
import { type Agent, buildConnector } from 'undici'
import { networkFrom } from './networks.js'

/** RFC 1918 §3, RFC 4193 §3.1, and loopback. Not link-local addresses: cloud providers serve credentials there. */
const networks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', 'fc00::/7', '::1/128'].map(
  networkFrom
)

/** True for an address that is reachable only within one network or machine; of an IPv4-mapped address, the IPv4 part decides. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, '')
  return networks.some((has) => has?.(plain))
}

/** Connects as undici does, and gives the socket up where its other end is not at a private address. */
export const connectPrivately: NonNullable<Agent.Options['connect']> = (options, callback) => {
  buildConnector({})(options, (error, socket) => {
    if (error) return callback(error, null)
    const { remoteAddress = '' } = socket as Socket
    if (isPrivateAddress(remoteAddress)) return callback(null, socket)
    socket.destroy()
    const wanted = 'plain http is accepted from private addresses only (RFC 1918, RFC 4193)'
    callback(new Error(`${options.hostname} is at ${remoteAddress}, which is not a private address; ${wanted}`), null)
  })
}
