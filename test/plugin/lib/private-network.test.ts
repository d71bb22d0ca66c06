/** Plain http from hosts at private addresses only: what counts is the address that a socket is connected to. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { createJsonClient } from '../../../src/plugin/lib/json-client.js'
import { isPrivateAddress } from '../../../src/plugin/lib/private-network.js'

t.test('private addresses: RFC 1918, RFC 4193, loopback', async (t) => {
  const isPrivate = {
    ...{ '10.0.0.0': true, '10.255.255.255': true, '9.255.255.255': false, '11.0.0.0': false },
    ...{ '172.16.0.0': true, '172.31.255.255': true, '172.15.255.255': false, '172.32.0.0': false },
    ...{ '192.168.0.0': true, '192.168.255.255': true, '192.167.255.255': false, '192.169.0.0': false },
    ...{ '127.0.0.1': true, '127.255.255.255': true, '128.0.0.1': false, '126.255.255.255': false },
    ...{ 'fc00::1': true, 'fd00::2': true, 'fbff::1': false, 'fe00::1': false, '::1': true, '::': false, '::2': false },
    ...{
      '::ffff:10.0.0.1': true,
      '::FFFF:192.168.1.1': true,
      '::ffff:8.8.8.8': false,
      '::ffff:169.254.169.254': false
    },
    // Cloud providers serve credentials at link-local addresses; RFC 6598's are shared by many customers of one network.
    ...{ '169.254.169.254': false, 'fe80::1': false, '100.64.0.1': false, '0.0.0.0': false, '255.255.255.255': false },
    ...{ '8.8.8.8': false, '2001:db8::1': false, '': false, localhost: false, '10.0.0.1.evil.example': false }
  }
  for (const [address, is] of Object.entries(isPrivate)) t.equal(isPrivateAddress(address), is, address)
})

/** A server on all addresses of this machine, and what it was asked. */
async function startServer(t: Test) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(String(request.headers.host))
    response.end('{"keys":[]}')
  })
  await new Promise<void>((resolve) => server.listen(0, '::', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { asked, port: (server.address() as AddressInfo).port }
}

const own = Object.values(networkInterfaces()).flatMap((each = []) => each.filter(({ scopeid = 0 }) => scopeid === 0))
const hostOf = (address: string) => (address.includes(':') ? `[${address}]` : address)

t.test('each address of this machine: private ones answer, others get no request', async (t) => {
  const { asked, port } = await startServer(t)
  for (const { address } of own) {
    const host = `${hostOf(address)}:${port}`
    const client = createJsonClient(10, undefined, undefined, new Set([host]))
    t.teardown(() => client.close())
    asked.length = 0
    const answer = client.fetchJson(`http://${host}/keys`)
    if (isPrivateAddress(address)) t.strictSame(await answer, Object.assign(Object.create(null), { keys: [] }), address)
    else
      await t.rejects(answer, `is at ${address}, which is not a private address; plain http is accepted from private`)
    t.equal(asked.length, isPrivateAddress(address) ? 1 : 0, `requests to ${address}`)
  }
})

t.test('a name is judged by where it leads, and what does not connect fails as ever', async (t) => {
  const { asked, port } = await startServer(t)
  const client = createJsonClient(10, undefined, undefined, new Set([`localhost:${port}`, 'localhost:1']))
  t.teardown(() => client.close())
  await client.fetchJson(`http://localhost:${port}/keys`)
  t.strictSame(asked, [`localhost:${port}`])
  await t.rejects(client.fetchJson('http://localhost:1/keys'), /ECONNREFUSED|fetch|connect/)
})
