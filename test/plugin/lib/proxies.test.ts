/** Which way a request goes: proxy variables as people write them, `NO_PROXY` as curl reads it, and loopback, which is never proxied. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import t from 'tap'
import { ProxyAgent } from 'undici'
import { createJsonClient } from '../../../src/plugin/lib/json-client.js'
import { createProxies, proxyInWords } from '../../../src/plugin/lib/proxies.js'
import { startTestTenant } from '../../support/tenant.js'

/** Whether a URL goes through a proxy. */
function isProxied(url: string, environment: Record<string, string>): boolean {
  const proxies = createProxies({}, environment)
  const dispatcher = proxies.dispatcherFor(new URL(url))
  void proxies.destroy()
  return dispatcher instanceof ProxyAgent
}

const target = 'https://login.example/x'

t.test('values as people write them', async (t) => {
  for (const value of [
    ...['http://proxy.corp:3128', 'https://proxy.corp', 'http://user:p%23%25@proxy.corp:3128/', 'HTTP://PROXY:1'],
    ...['proxy.corp:3128', '10.0.0.1:3128', '[::1]:3128', 'proxy:80', '  http://proxy.corp:3128 ', ' proxy.corp:3128\t']
  ])
    t.ok(isProxied(target, { HTTPS_PROXY: value }), value)
  for (const none of ['', ' ', '\t']) t.notOk(isProxied(target, { HTTPS_PROXY: none }), JSON.stringify(none))
})

t.test('values that cannot be used: one error that names the variable, and not the value', async (t) => {
  for (const value of [
    ...['socks4://proxy:1080', 'socks5://user:s3cr3t@proxy', 'ftp://proxy', 'proxy', 'user:s3cr3t@proxy:3128'],
    ...['http://user:s3cr3t#1@proxy:3128', 'http://user:12#s3cr3t@proxy:3128', 'http://user:s3cr3t%@proxy:3128'],
    ...[
      'http://proxy:99999',
      'proxy:99999',
      'http://pro xy',
      'pro xy:1',
      'http://proxy/path',
      'http://proxy?s3cr3t',
      '://',
      'http://'
    ]
  ])
    try {
      isProxied(target, { https_proxy: value })
      t.fail(value)
    } catch (error) {
      const { name, message } = error as Error
      t.equal(name, 'EntraConfigurationError', value)
      t.match(message, /^https_proxy cannot be used; give http:\/\/user:password@host:port/)
      t.notMatch(JSON.stringify([message, { ...Object(error) }, Object(error).cause]), /s3cr3t/)
    }
})

t.test('which variable counts', async (t) => {
  t.ok(isProxied(target, { HTTP_PROXY: 'http://proxy:1' }), 'https goes the way of http, where it has none of its own')
  t.notOk(isProxied('http://login.example', { HTTPS_PROXY: 'http://proxy:1' }))
  t.ok(isProxied(target, { https_proxy: 'http://proxy:1', HTTPS_PROXY: 'socks4://proxy' }), 'lower case first')
  t.notOk(isProxied(target, { https_proxy: '', HTTPS_PROXY: 'http://proxy:1' }), 'an empty one is none')
  t.notOk(isProxied(target, {}))
})

t.test('NO_PROXY', async (t) => {
  const rows: readonly (readonly [list: string, url: string, isExempt: boolean])[] = [
    ['*', target, true],
    ['login.example', target, true],
    ['LOGIN.example', target, true],
    ['login.example.', target, true],
    ['example', target, true],
    ['.example', target, true],
    ['*.example', target, true],
    ['ogin.example', target, false],
    ['other, login.example', target, true],
    ['other login.example', target, true],
    ['login.example:443', target, true],
    ['login.example:8443', target, false],
    ['login.example:8443', 'https://login.example:8443/', true],
    ['login.example:80', 'http://login.example/', true],
    ['10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['10.0.0.0/8', 'https://login.example/', false],
    ['10.1.2.3', 'https://10.1.2.3/', true],
    ['1.2.3', 'https://10.1.2.3/', false],
    ['2.3', 'https://10.1.2.3/', false],
    ['fd00::/8', 'https://[fd12::1]/', true],
    ['[fd00::]/8', 'https://[fe12::1]/', false],
    ['[fd12::1]', 'https://[fd12::1]/', true],
    ['[fd12::1]:443', 'https://[fd12::1]/', true],
    ['fd12::1', 'https://[fd12::1]/', true],
    ['10.0.0.0/33', 'https://10.1.2.3/', false],
    ['', target, false],
    [' , ', target, false]
  ]
  for (const [list, url, isExempt] of rows)
    for (const name of ['NO_PROXY', 'no_proxy'])
      t.equal(isProxied(url, { HTTP_PROXY: 'http://proxy:1', [name]: list }), !isExempt, `${name}=${list}: ${url}`)
})

t.test('loopback never goes through a proxy, and a proxy can hand out no keys for it', async (t) => {
  const environment = { HTTP_PROXY: 'http://proxy:1', HTTPS_PROXY: 'http://proxy:1' }
  for (const host of ['localhost', '127.0.0.1', '127.8.9.1', '[::1]', '0x7f.1', '127.1'])
    for (const scheme of ['http', 'https']) t.notOk(isProxied(`${scheme}://${host}:4000/x`, environment), host)
  for (const host of ['localhost.example', '128.0.0.1', '[::2]', '127.0.0.1.example'])
    t.ok(isProxied(`https://${host}/x`, environment), host)
  let connections = 0
  const proxy = createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const tenant = await startTestTenant()
  t.teardown(async () => {
    await tenant.close()
    proxy.close()
  })
  const uri = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  t.intercept(process, 'env', { value: { ...process.env, HTTP_PROXY: uri, HTTPS_PROXY: uri, NODE_USE_ENV_PROXY: '1' } })
  const client = createJsonClient(0.5)
  t.teardown(() => client.close())
  t.match(await client.fetchJson(tenant.origin + tenant.paths.keys), { keys: [{}] })
  await t.rejects(client.fetchJson('https://login.example/'))
  t.ok(connections > 0, 'all else does')
})

t.test('a proxy that accepts, and never answers, does not outlast the deadline', async (t) => {
  const proxy = createServer(() => {})
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const uri = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  t.intercept(process, 'env', { value: { ...process.env, HTTPS_PROXY: uri } })
  const client = createJsonClient(0.2)
  await t.rejects(client.fetchJson('https://login.example/'), { message: 'took too long' })
  await client.close()
})

t.test('agents without destroy(), as those of Bun, are closed already', async (t) => {
  const proxies = createProxies({}, { HTTPS_PROXY: 'http://127.0.0.1:9' })
  const agents = ['http://127.0.0.1', target].map((url) => proxies.dispatcherFor(new URL(url)))
  for (const agent of agents) Object.defineProperty(agent, 'destroy', { value: undefined })
  await t.resolves(proxies.destroy())
})

t.test('the proxy of a URL in words, without its password', (t) => {
  const env = {
    HTTP_PROXY: 'http://user:canary@proxy.corp:3128',
    https_proxy: 'secure.corp:443',
    NO_PROXY: '.internal'
  }
  const words = (url: string, insecure: readonly string[] = []) => proxyInWords(new URL(url), env, new Set(insecure))
  t.equal(words('http://keycloak:8080'), 'http://proxy.corp:3128 of HTTP_PROXY')
  t.equal(words('http://keycloak:8080', ['keycloak:8080']), undefined, 'called without a proxy')
  t.equal(words('https://login.example.com', ['login.example.com:443']), 'http://secure.corp:443 of https_proxy')
  t.equal(words('https://login.internal'), undefined)
  t.equal(words('http://127.0.0.1:4000'), undefined)
  t.end()
})
