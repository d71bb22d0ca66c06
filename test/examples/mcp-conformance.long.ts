/**
 * examples/mcp against MCP's own conformance suite, in what it has of such a server: it has no option for a token, so a proxy adds one. The rest
 * of the suite tests tools, prompts and resources of its own example server. It needs Node.js 22, which this package does not.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { startMcp } from '../../src/server/dev-mcp.js'
import { signIn } from '../../src/tenant/client.js'
import { startTenant } from '../../src/tenant/index.js'
import { usersEnvironment } from '../support/packed.js'

const suite = ['-y', '-p', 'node@24', '-p', '@modelcontextprotocol/conformance@0.1.16', '--', 'conformance', 'server']
const scenarios = ['server-initialize', 'ping', 'tools-list', 'dns-rebinding-protection']

/** Passes requests on as they are, with a token. */
async function startProxy(t: Test, port: number, token: string): Promise<string> {
  const proxy = createServer((incoming, response) => {
    const { method, url: path, headers } = incoming
    const outgoing = request({ port, method, path, headers: { ...headers, authorization: `Bearer ${token}` } })
    outgoing.on('response', (answer) => {
      response.writeHead(Number(answer.statusCode), answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

t.test('the conformance suite', { timeout: 300_000 }, async (t) => {
  const tenant = await startTenant({ port: 0 })
  const mcp = await startMcp(tenant, 0, { forceCloseConnections: true })
  t.teardown(async () => {
    await mcp.close()
    await tenant.close()
  })
  const { access_token: token } = await signIn(tenant.origin, {
    tenantId: tenant.tenantId,
    clientId: String(tenant.description.clients.find(({ name }) => name === 'spa')?.clientId),
    username: 'user@contoso.example',
    redirectUri: 'http://localhost:5173/callback',
    scope: `${mcp.url}/access_as_user`
  })
  const { port, pathname } = new URL(mcp.url)
  const url = (await startProxy(t, Number(port), token)) + pathname
  for (const scenario of scenarios) {
    const run = promisify(execFile)('npx', [...suite, '--url', url, '--scenario', scenario], {
      env: usersEnvironment,
      cwd: t.testdir()
    })
    const { stdout } = await run.catch((error: { stdout: string; message: string }) => ({
      ...error,
      stdout: `${error.stdout}\n${error.message}`
    }))
    t.match(stdout, /Passed: (\d+)\/\1, 0 failed/, scenario)
    t.comment(stdout)
  }
})
