import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { createJsonClient, HttpStatusError } from '../../../src/plugin/lib/json-client.js'

const mebibyte = 1024 * 1024

/** A server that answers as told, and a client for it. Both end with the test. */
async function setUp(t: Test, listener: RequestListener, timeoutSeconds = 5) {
  const requests: IncomingMessage[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    requests.push(request)
    listener(request, response)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = createJsonClient(timeoutSeconds)
  t.teardown(async () => {
    await client.close()
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { client, origin, requests, server, sockets }
}

function answer(body: string | Buffer, headers: Record<string, string> = {}, status = 200): RequestListener {
  return (_request, response) => void response.writeHead(status, headers).end(body)
}

/** How long a promise takes to be rejected, and with what. */
async function rejection(promise: Promise<unknown>): Promise<{ error: Error; milliseconds: number }> {
  const start = performance.now()
  const error: unknown = await promise.then(
    (value) => new Error(`resolved to ${JSON.stringify(value)}`, { cause: 'resolved' }),
    (reason: unknown) => reason
  )
  if (!(error instanceof Error) || error.cause === 'resolved') throw error
  return { error, milliseconds: performance.now() - start }
}

const soon = async (condition: () => boolean) => {
  for (let i = 0; i < 3000 && !condition(); i += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  return condition()
}

t.test('200 with JSON', async (t) => {
  const cases: { name: string; body: string; value: unknown }[] = [
    { name: 'an object', body: '{"issuer":"x","keys":[]}', value: { issuer: 'x', keys: [] } },
    { name: 'null', body: 'null', value: null },
    { name: 'UTF-8 (RFC 8259 §8.1)', body: '{"name":"Zoë 鍵"}', value: { name: 'Zoë 鍵' } }
  ]
  for (const { name, body, value } of cases) {
    const { client, origin } = await setUp(t, answer(body, { 'content-type': 'application/json' }))
    t.same(await client.fetchJson(origin), value, name)
  }
})

t.test('what a text file or a server adds, and means nothing', async (t) => {
  const cases: { name: string; body: string; headers?: Record<string, string> }[] = [
    { name: 'a byte order mark (RFC 8259 §8.1)', body: '\ufeff{"keys":[]}' },
    ...['identity', 'Identity', 'identity, identity', ''].map((coding) => ({
      name: `RFC 9110 §8.4.1: the content-encoding "${coding}"`,
      body: '{"keys":[]}',
      headers: { 'content-encoding': coding }
    }))
  ]
  for (const { name, body, headers } of cases) {
    const { client, origin } = await setUp(t, answer(body, headers))
    t.same(await client.fetchJson(origin), { keys: [] }, name)
    t.match(await client.exchangeJson(origin, { method: 'GET' }), { body: { keys: [] } }, name)
  }
  const twice = await setUp(t, (_request, response) => {
    response.writeHead(200, ['content-encoding', 'identity', 'content-encoding', 'identity']).end('{}')
  })
  t.same(await twice.client.fetchJson(twice.origin), {}, 'said twice')
  for (const [body, coding] of [
    ['\ufeff\ufeff{}', ''],
    ['{}\ufeff', ''],
    ['{}', 'identity, gzip'],
    ['{}', 'x-identity'],
    ['{}', 'identity;q=1']
  ] as const) {
    const { client, origin } = await setUp(t, answer(body, { 'content-encoding': coding }))
    await t.rejects(client.fetchJson(origin), `${JSON.stringify(body)}, ${coding}`)
  }
})

t.test('UTF-8 that is cut between two chunks', async (t) => {
  const body = Buffer.from('{"name":"Zoë"}')
  const cut = body.indexOf(0xc3) + 1
  const { client, origin } = await setUp(t, (_request, response) => {
    response.write(body.subarray(0, cut))
    setTimeout(() => response.end(body.subarray(cut)), 30)
  })
  t.same(await client.fetchJson(origin), { name: 'Zoë' })
})

t.test('what is asked for', async (t) => {
  const { client, origin, requests } = await setUp(t, answer('{}'))
  await client.fetchJson(`${origin}/keys?appid=x`)
  t.equal(requests.length, 1)
  t.match(requests[0], {
    method: 'GET',
    url: '/keys?appid=x',
    headers: { accept: 'application/json', 'accept-encoding': 'identity' }
  })
})

t.test('anything but a 200 (the packages’ holes)', async (t) => {
  for (const status of [201, 202, 203, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504]) {
    t.test(String(status), async (t) => {
      const hasBody = status !== 204 && status !== 304
      const { client, origin, requests } = await setUp(t, answer(hasBody ? '{"keys":[]}' : '', {}, status))
      const { error } = await rejection(client.fetchJson(origin))
      t.ok(error instanceof HttpStatusError)
      t.match(error, { status, message: new RegExp(String(status)) })
      t.equal(requests.length, 1, 'asked once: to ask again is for who waits')
    })
  }
})

t.test('no redirect is followed (the packages’ holes)', async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    t.test(String(status), async (t) => {
      const elsewhere = await setUp(t, answer('{"keys":["evil"]}'))
      const { client, origin, requests } = await setUp(t, (request, response) => {
        const location = request.url === '/other' ? `${elsewhere.origin}/keys` : '/target'
        response.writeHead(status, { location, 'content-type': 'application/json' }).end('{"keys":[]}')
      })
      for (const path of ['/same', '/other']) {
        t.match(await rejection(client.fetchJson(origin + path)), { error: { name: 'HttpStatusError', status } })
      }
      t.same(
        requests.map(({ url }) => url),
        ['/same', '/other'],
        'the target on the same host is never requested'
      )
      t.equal(elsewhere.requests.length, 0, 'nor is the one on another host')
    })
  }
})

t.test('200 with what is no JSON', async (t) => {
  const cases: { name: string; body: string }[] = [
    { name: 'HTML (a captive portal)', body: '<!doctype html><title>Sign in</title>' },
    { name: 'truncated JSON', body: '{"keys":[{"kid":"a"' },
    { name: 'nothing', body: '' },
    { name: 'two documents', body: '{}{}' },
    { name: 'JavaScript', body: "{keys: ['a']}" }
  ]
  for (const { name, body } of cases) {
    t.test(name, async (t) => {
      const { client, origin } = await setUp(t, answer(body, { 'content-type': 'application/json' }))
      t.match(await rejection(client.fetchJson(origin)), { error: { name: 'SyntaxError' } })
    })
  }
})

t.test('a body that ends before its content-length', async (t) => {
  const { client, origin } = await setUp(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{}')
    setTimeout(() => response.destroy(), 30)
  })
  await t.rejects(client.fetchJson(origin))
})

t.test('one deadline, from connect to the last byte (KEYS_TIMEOUT_SECONDS)', async (t) => {
  const drip = (response: ServerResponse) => {
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  }
  const hangs: { name: string; listener: RequestListener }[] = [
    { name: 'no answer', listener: () => {} },
    { name: 'headers, and no body', listener: (_request, response) => response.flushHeaders() },
    { name: 'half a body', listener: (_request, response) => void response.write('{"keys":[') },
    { name: 'one byte at a time: no single wait is long', listener: (_request, response) => drip(response) },
    {
      name: 'a half-written header',
      listener: (_request, response) => void response.socket?.write('HTTP/1.1 200 OK\r\ncontent-ty')
    }
  ]
  for (const { name, listener } of hangs) {
    t.test(name, async (t) => {
      const { client, origin, sockets } = await setUp(t, listener, 0.3)
      const { error, milliseconds } = await rejection(client.fetchJson(origin))
      t.equal(error.name, 'TimeoutError')
      t.ok(milliseconds >= 250 && milliseconds < 30_000, `300 ms are ${milliseconds}`) // without it: never
      t.ok(await soon(() => sockets.size === 0), 'and its socket is closed')
    })
  }

  t.test('an answer that is slow, but just in time', async (t) => {
    const { client, origin } = await setUp(
      t,
      (_request, response) => {
        response.write('{')
        setTimeout(() => response.end('}'), 300)
      },
      30
    )
    t.same(await client.fetchJson(origin), {})
  })

  t.test('in seconds that need not be whole milliseconds', async (t) => {
    // options.ts takes any number from 0.1 to 60.
    for (const timeoutSeconds of [10.1, 11.005, 12.0005, 31 / 3]) {
      const { client, origin } = await setUp(t, answer('{}'), timeoutSeconds)
      await t.resolves(client.fetchJson(origin), String(timeoutSeconds))
    }
  })
})

t.test('size', async (t) => {
  const padded = (length: number) => `"${'x'.repeat(length - 2)}"`

  t.test('just short enough', async (t) => {
    const { client, origin } = await setUp(t, answer(padded(mebibyte)))
    t.equal(String(await client.fetchJson(origin)).length, mebibyte - 2)
  })

  t.test('just too long', async (t) => {
    const { client, origin } = await setUp(t, answer(padded(mebibyte + 1)))
    t.match(await rejection(client.fetchJson(origin)), { error: { message: /more than 1048576 bytes/ } })
  })

  t.test('a body without end is cut off long before the deadline', async (t) => {
    let sent = 0
    const chunk = Buffer.alloc(65_536, ' ')
    const { client, origin, sockets } = await setUp(
      t,
      (_request, response) => {
        const more = () => {
          while (!response.destroyed) {
            sent += chunk.length
            if (!response.write(chunk)) break
          }
        }
        response.on('drain', more)
        more()
      },
      30
    )
    const { milliseconds } = await rejection(client.fetchJson(origin))
    t.ok(milliseconds < 29_000, `${milliseconds} ms`)
    t.ok(await soon(() => sockets.size === 0), 'its socket is closed')
    t.ok(sent < 32 * mebibyte, `${sent} bytes were sent`)
  })
})

t.test('a compressed body is refused: it was not asked for, and could be a bomb', async (t) => {
  for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'x-unknown']) {
    const { client, origin } = await setUp(t, answer('{}', { 'content-encoding': encoding }))
    t.match(await rejection(client.fetchJson(origin)), { error: { message: /compressed/ } }, encoding)
  }
})

t.test('nobody there', async (t) => {
  t.test('connection refused', async (t) => {
    const { client, origin, server } = await setUp(t, answer('{}'))
    server.close()
    await once(server, 'close')
    const { milliseconds } = await rejection(client.fetchJson(origin))
    t.ok(milliseconds < 4900, 'which is said at once')
  })

  t.test('connection reset', async (t) => {
    const { client, origin } = await setUp(t, (request) => void request.socket.resetAndDestroy())
    const { milliseconds } = await rejection(client.fetchJson(origin))
    t.ok(milliseconds < 4900, 'which is said at once')
  })

  t.test('connection reset in the middle of the body', async (t) => {
    const { client, origin } = await setUp(t, (request, response) => {
      response.write('{"keys":')
      setTimeout(() => request.socket.resetAndDestroy(), 30)
    })
    await t.rejects(client.fetchJson(origin))
  })

  t.test('and back again', async (t) => {
    let broken = true
    const { client, origin } = await setUp(t, (request, response) => {
      if (broken) request.socket.resetAndDestroy()
      else response.end('{}')
    })
    await t.rejects(client.fetchJson(origin))
    broken = false
    t.same(await client.fetchJson(origin), {})
  })
})

t.test('what is fetched for one purpose has one deadline', async (t) => {
  const { client, origin, requests } = await setUp(t, answer('{}'), 0.5)
  const [purpose, other] = [{}, {}]
  await client.fetchJson(`${origin}/first`, purpose)
  await new Promise((resolve) => setTimeout(resolve, 600)) // the deadline, which must have passed
  await t.rejects(client.fetchJson(`${origin}/late`, purpose), { name: 'TimeoutError', message: 'took too long' })
  t.same(
    requests.map(({ url }) => url),
    ['/first'],
    'nothing is asked when the time is over'
  )
  await client.fetchJson(`${origin}/another`, other)
  await client.fetchJson(`${origin}/none`)
})

t.test('an exchange that nobody waits for any more is ended', async (t) => {
  const { client, origin, requests, sockets } = await setUp(t, () => {}, 60)
  const abort = new AbortController()
  const ended = client.exchangeJson(origin, { method: 'GET', signal: abort.signal })
  const rejected = t.rejects(ended, { message: 'nobody waits' })
  t.ok(await soon(() => requests.length === 1))
  abort.abort(new Error('nobody waits'))
  await rejected
  t.ok(await soon(() => sockets.size === 0))
})

t.test('what is no URL of a web page is rejected, not thrown', async (t) => {
  const client = createJsonClient(1)
  t.teardown(() => client.close())
  for (const url of ['', '/keys', 'file:///etc/passwd', 'data:application/json,{}', 'blob:http://127.0.0.1/x']) {
    await t.rejects(client.fetchJson(url), url)
  }
})

t.test('close() ends what is under way and leaves no socket', async (t) => {
  const { client, origin, requests, sockets } = await setUp(
    t,
    (request, response) => {
      if (request.url === '/half') response.write('{')
    },
    60
  )
  const fetches = ['/hang', '/half', '/hang'].map((path) => rejection(client.fetchJson(origin + path)))
  t.ok(await soon(() => requests.length === 3))
  await client.close()
  for (const { milliseconds } of await Promise.all(fetches)) t.ok(milliseconds < 59_000, 'ended')
  t.ok(await soon(() => sockets.size === 0), 'no socket')
  await t.rejects(client.fetchJson(origin), 'and nothing begins after it')
  t.equal(requests.length, 3)
})

t.test('close() also closes a connection that is kept alive', async (t) => {
  const { client, origin, sockets } = await setUp(t, answer('{}'))
  await client.fetchJson(origin)
  await client.close()
  t.ok(await soon(() => sockets.size === 0))
})

t.test('a garbage collection does not take the deadline with it', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const server = createServer() // accepts, and never answers
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = createJsonClient(0.3)
  t.teardown(async () => {
    await client.close()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const fetching = t.rejects(client.fetchJson(`http://127.0.0.1:${port}/`))
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    collectGarbage()
  }
  await fetching
})

t.test('many at once, as a thousand tenants ask at the start, share a few connections to an origin', async (t) => {
  let most = 0
  const { client, origin, requests, sockets } = await setUp(t, (_request, response) => {
    most = Math.max(most, sockets.size)
    setTimeout(() => response.end('{}'), 5)
  })
  await Promise.all(Array.from({ length: 500 }, (_, n) => client.fetchJson(`${origin}/${n}`)))
  t.equal(requests.length, 500)
  t.ok(most <= 32, `${most} sockets`)
})

t.test('what a server says of its refusal is in the error: one line of it, where it can be read', async (t) => {
  const bodies: Record<string, string> = {
    '/lines': JSON.stringify({ error_description: 'AADSTS90002: Tenant not found.\r\nTrace ID: 1' }),
    '/long': JSON.stringify({ error_description: 'x'.repeat(300) }),
    '/other': JSON.stringify({ error_description: { a: 1 } }),
    '/none': 'no JSON',
    '/empty': JSON.stringify({ error_description: '' }),
    '/huge': 'x'.repeat(1024 * 1024 + 1)
  }
  const { client, origin } = await setUp(t, (request, response) => {
    response.writeHead(400).end(bodies[request.url ?? ''])
  })
  const said = async (path: string) => ((await rejection(client.fetchJson(origin + path))).error as Error).message
  t.equal(await said('/lines'), 'answered 400: AADSTS90002: Tenant not found.')
  t.equal(await said('/long'), `answered 400: ${'x'.repeat(200)}`)
  for (const path of ['/other', '/none', '/empty', '/huge']) t.equal(await said(path), 'answered 400', path)
})

t.test('a proxy that cannot be used: the variable is named, and its password is not', async (t) => {
  const values = [
    'http://user:s3cr3t@',
    'http://user:s3cr3t@proxy:99999',
    'http://user:s3cr3t@pro xy',
    'user:s3cr3t@proxy:3128'
  ]
  const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']
  const without = Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.includes(name)))
  for (const name of names) {
    for (const value of [...values, 'ftp://user:s3cr3t@proxy', 'http://user:%zz@proxy', 'nonsense']) {
      t.intercept(process, 'env', { value: { ...without, [name]: value } })
      try {
        createJsonClient(1)
        t.fail(`${name}=${value} starts`)
      } catch (error) {
        t.match(
          error,
          { name: 'EntraConfigurationError', message: new RegExp(`^${name} cannot be used; give `) },
          value
        )
        t.notMatch(inspect(error), /s3cr3t|%zz/, 'nor in any member of the error')
      }
    }
  }
  const both = { http_proxy: 'http://proxy.example:3128', HTTP_PROXY: 'nonsense', HTTPS_PROXY: 'nonsense either' }
  t.intercept(process, 'env', { value: { ...without, ...both } })
  t.throws(() => createJsonClient(1), { message: /^HTTPS_PROXY cannot be used/ }, 'one that counts')
  t.intercept(process, 'env', { value: { ...without, http_proxy: both.http_proxy, HTTP_PROXY: 'nonsense' } })
  await createJsonClient(1).close()
})
