/** Networks as people write them: an address and the number of bits that count (CIDR, RFC 4632 §3.1, RFC 4291 §2.3). */
import { BlockList, isIP } from 'node:net'

const familyOf = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6')

/**
 * Whether an address is in a network such as `10.0.0.0/8` or `[fc00::]/7`; a name is in none.
 *
 * @returns nothing for a text that is not a network
 */
export function networkFrom(text: string): ((host: string) => boolean) | undefined {
  const [, address = '', bits] = /^\[?([\d.]+|[\da-f:.]+)\]?\/(\d{1,3})$/i.exec(text) ?? []
  const family = isIP(address)
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return undefined
  const list = new BlockList()
  list.addSubnet(address, Number(bits), familyOf(address))
  return (host) => isIP(host) !== 0 && list.check(host, familyOf(host))
}
