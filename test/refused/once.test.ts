/** A refusal is the only answer: what the application has going on beside it, and hooks and handlers that fail, neither add one nor lose it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect as connectHttp2 } from 'node:http2'
import { setImmediate as turn } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import entra, {
  type AuditEvent,
  auditChannelName,
  DownstreamError,
  requirePolicy,
  requireRole,
  requireUser
} from '../../src/plugin/index.js'
import { type Change, copyOfPlugin } from '../support/plugin-copy.js'
import { clientId, tenantId } from '../support/tenant.js'
import { tenant, token } from './table.js'

t.teardown(() => tenant.close())

interface Case {
  readonly name: string
  readonly declare: (app: FastifyInstance, ran: string[], headCame: Promise<void>) => void
  /** What is registered before the plugin. */
  readonly before?: (app: FastifyInstance) => void
  readonly options?: object
  /** What the one client gets; 0 where the connection ends without an answer. */
  readonly status: number
  /** Statuses of what is recorded. */
  readonly records: readonly number[]
  /** What of the route ran. */
  readonly ran?: readonly string[]
}

const later = async (turns = 5) => {
  for (let at = 0; at < turns; at += 1) await turn()
}
const admin = requireRole('Admin')
const user = requireUser()
const slow = requirePolicy('slow', async () => {
  await later(3)
  return false
})
const downstreamFails = async (app: FastifyInstance, turns: number) => {
  await later(turns)
  const why = await app.verifyToken('forged').catch((error) => error.refusal)
  throw new DownstreamError(why)
}
const fails = async (turns: number) => {
  await later(turns)
  throw new Error('the application failed')
}
const onSendWaits = (app: FastifyInstance) =>
  app.addHook('onSend', (_request, _reply, payload, done) => void later(20).then(() => done(null, payload), done))
const onSendThrows = (app: FastifyInstance) =>
  app.addHook('onSend', async () => {
    await later(2)
    throw new Error('a hook failed')
  })
const onErrorWaits = (app: FastifyInstance) => app.addHook('onError', async () => later(10))

const cases: readonly Case[] = [
  {
    name: 'a guard by hand beside a DownstreamError, onSend waits',
    status: 403,
    records: [403],
    declare: (app) => {
      onSendWaits(app)
      app.get('/x', async (request, reply) => {
        await Promise.all([admin.call(app, request, reply), downstreamFails(app, 3)])
        return 'handled'
      })
    }
  },
  {
    name: 'a DownstreamError, and then a guard by hand, onSend waits',
    status: 401,
    records: [401],
    declare: (app) => {
      onSendWaits(app)
      app.get('/x', async (request, reply) => {
        await Promise.all([slow.call(app, request, reply), downstreamFails(app, 0)])
        return 'handled'
      })
    }
  },
  {
    name: 'a guard by hand beside an error, onSend waits',
    status: 403,
    records: [403],
    declare: (app, ran) => {
      onSendWaits(app)
      app.setErrorHandler(async () => {
        ran.push('error handler')
        return { failed: true }
      })
      app.get('/x', async (request, reply) => {
        await Promise.all([admin.call(app, request, reply), fails(3)])
        return 'handled'
      })
    }
  },
  {
    name: 'an error, and then a guard by hand, while the error handler waits',
    status: 418,
    records: [],
    ran: ['error handler'],
    declare: (app, ran) => {
      onSendWaits(app)
      app.setErrorHandler(async (_error, _request, reply) => {
        ran.push('error handler')
        await later(10)
        return reply.code(418).send({ failed: true })
      })
      app.get('/x', async (request, reply) => {
        await Promise.all([slow.call(app, request, reply), fails(0)])
        return 'handled'
      })
    }
  },
  {
    name: 'an error, and then a guard by hand, while an onError hook waits',
    status: 500,
    records: [403],
    before: onErrorWaits,
    declare: (app) => {
      onSendWaits(app)
      app.get('/x', async (request, reply) => {
        await Promise.all([slow.call(app, request, reply), fails(0)])
        return 'handled'
      })
    }
  },
  {
    name: 'handlerTimeout, and then a guard, while an onError hook waits',
    options: { handlerTimeout: 20 },
    status: 503,
    records: [],
    before: (app) => app.addHook('onError', async () => void (await new Promise((resolve) => setTimeout(resolve, 60)))),
    declare: (app) => {
      const waits = requirePolicy('waits', () => new Promise((resolve) => setTimeout(resolve, 40, false)))
      app.get('/x', { preHandler: waits }, async () => 'handled')
    }
  },
  {
    name: 'a handler that does not wait for its guard, onSend waits',
    status: 403,
    records: [403],
    declare: (app) => {
      onSendWaits(app)
      app.get('/x', async (request, reply) => {
        await Promise.race([admin.call(app, request, reply), later(3)])
        return 'handled'
      })
    }
  },
  {
    name: 'one of two guards passes',
    status: 403,
    records: [403],
    declare: (app, ran) => {
      onSendWaits(app)
      app.get('/x', async (request, reply) => {
        await Promise.any([admin.call(app, request, reply), user.call(app, request, reply)])
        ran.push('handler')
        return 'handled'
      })
    }
  },
  {
    name: 'an onSend hook throws, and the error handler awaits a guard',
    status: 403,
    records: [403],
    declare: (app) => {
      onSendThrows(app)
      app.setErrorHandler(async (_error, request, reply) => {
        await admin.call(app, request, reply)
        return 'handled'
      })
      app.get('/x', { preHandler: admin }, async () => 'handled')
    }
  },
  {
    name: 'a DownstreamError, an onSend hook throws, and the error handler awaits a guard',
    status: 403,
    records: [401],
    declare: (app) => {
      onSendThrows(app)
      app.setErrorHandler(async (_error, request, reply) => {
        await admin.call(app, request, reply)
        return 'handled'
      })
      app.get('/x', async () => downstreamFails(app, 0))
    }
  },
  {
    name: 'a hook that throws once, and an error handler that answers',
    status: 418,
    records: [403],
    declare: (app) => {
      let isFirst = true
      app.addHook('onSend', async () => {
        await later(2)
        if (isFirst) {
          isFirst = false
          throw new Error('a hook failed')
        }
      })
      app.setErrorHandler(async (_error, _request, reply) => reply.code(418).send({ failed: true }))
      app.get('/x', { preHandler: admin }, async () => 'handled')
    }
  },
  {
    name: 'an error handler awaits a guard',
    status: 403,
    records: [403],
    declare: (app) => {
      onSendWaits(app)
      app.setErrorHandler(async (_error, request, reply) => {
        await admin.call(app, request, reply)
        return 'handled'
      })
      app.get('/x', async () => fails(1))
    }
  },
  {
    name: 'after handlerTimeout an error handler awaits a guard',
    options: { handlerTimeout: 20 },
    status: 403,
    records: [403],
    declare: (app) => {
      app.setErrorHandler(async (_error, request, reply) => {
        await admin.call(app, request, reply)
        return 'handled'
      })
      app.get('/x', async () => new Promise(() => {}))
    }
  },
  {
    name: 'an onSend hook awaits a guard',
    status: 403,
    records: [403],
    declare: (app) => {
      app.addHook('onSend', async (request, reply) => admin.call(app, request, reply))
      app.get('/x', async () => 'handled')
    }
  },
  {
    name: 'an onSend hook awaits a guard, and there is an error handler',
    status: 403,
    records: [403],
    declare: (app) => {
      app.addHook('onSend', async (request, reply) => admin.call(app, request, reply))
      app.setErrorHandler(async (error) => {
        throw error
      })
      app.get('/x', async () => 'handled')
    }
  },
  {
    name: 'an error, and a guard that begins after it, while the error handler redirects',
    status: 302,
    records: [],
    declare: (app) => {
      onSendWaits(app)
      app.setErrorHandler(async (_error, _request, reply) => reply.redirect('/elsewhere'))
      app.get('/x', async (request, reply) => {
        await Promise.all([fails(0), later(3).then(() => admin.call(app, request, reply))])
        return 'handled'
      })
    }
  },
  {
    name: 'an error, and a guard that begins after it, while the error handler waits',
    status: 403,
    records: [403],
    declare: (app) => {
      onSendWaits(app)
      app.setErrorHandler(async (_error, _request, reply) => {
        await later(10)
        return reply.code(418).send({ failed: true })
      })
      app.get('/x', async (request, reply) => {
        await Promise.all([fails(0), later(3).then(() => admin.call(app, request, reply))])
        return 'handled'
      })
    }
  },
  {
    name: 'an error handler that fails beside its guard',
    status: 403,
    records: [403],
    declare: (app) => {
      onSendWaits(app)
      app.setErrorHandler(async (_error, request, reply) => {
        await Promise.all([admin.call(app, request, reply), fails(3)])
        return 'handled'
      })
      app.get('/x', async () => fails(0))
    }
  },
  {
    name: 'an error handler that does not wait for its guard',
    status: 200,
    records: [],
    declare: (app) => {
      onSendWaits(app)
      app.setErrorHandler(async (_error, request, reply) => {
        await Promise.race([slow.call(app, request, reply), later(1)])
        return 'handled'
      })
      app.get('/x', async () => fails(0))
    }
  },
  {
    name: 'a handler that answers before its guard does',
    status: 200,
    records: [],
    declare: (app) => {
      onSendWaits(app)
      app.get('/x', async (request, reply) => {
        void slow.call(app, request, reply)
        return { handled: true }
      })
    }
  },
  {
    name: 'a handler that sets a status while a refusal waits',
    status: 403,
    records: [403],
    declare: (app) => {
      onSendWaits(app)
      app.get('/x', async (request, reply) => {
        void admin.call(app, request, reply)
        await later(3)
        return reply.status(418).code(418).send({ handled: true })
      })
    }
  },
  {
    name: 'a handler that answers without a body before its guard does',
    status: 204,
    records: [],
    declare: (app) => {
      onSendWaits(app)
      app.get('/x', async (request, reply) => {
        void slow.call(app, request, reply)
        return reply.code(204).send()
      })
    }
  },
  {
    name: 'an onSend hook throws, after an onError hook that fails',
    status: 403,
    records: [403],
    before: (app) =>
      app.addHook('onError', async () => {
        throw new Error('the reporter is down')
      }),
    declare: (app) => {
      onSendThrows(app)
      app.get('/x', { preHandler: admin }, async () => 'handled')
    }
  },
  {
    name: 'a guard after the head went out on reply.raw',
    status: 200,
    records: [403],
    declare: (app, _ran, headCame) =>
      app.get('/x', async (request, reply) => {
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.raw.write('data: 1\n\n')
        await headCame
        await admin.call(app, request, reply)
        return 'handled'
      })
  },
  {
    name: 'a header that cannot be sent',
    status: 403,
    records: [403],
    declare: (app) =>
      app.get('/x', async (request, reply) => {
        reply.header('x-bad', 'a\nb')
        await admin.call(app, request, reply)
        return 'handled'
      })
  },
  {
    name: 'a DownstreamError after the head went out on reply.raw',
    status: 200,
    records: [401],
    declare: (app, _ran, headCame) =>
      app.get('/x', async (_request, reply) => {
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.raw.write('data: 1\n\n')
        await headCame
        return downstreamFails(app, 1)
      })
  }
]

async function outcome(t: Test, { before, declare, options }: Case, isHttp2: boolean, plugin = entra) {
  const ran: string[] = []
  const records: number[] = []
  const app = Fastify({ ...options, ...(isHttp2 && { http2: true }) } as object) as FastifyInstance
  const listen = (message: unknown) => {
    const event = message as AuditEvent
    if (
      'requestId' in event &&
      (event.event === 'denied' || event.event === 'refused') &&
      event.requestId !== undefined
    )
      records.push(event.status)
  }
  subscribe(auditChannelName, listen)
  t.teardown(() => unsubscribe(auditChannelName, listen))
  before?.(app)
  await app.register(plugin, { tenantId, clientId, authority: tenant.origin, audit: 'off' })
  const { promise: headCame, resolve: onHead } = withResolvers()
  declare(app, ran, headCame)
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const headers = { authorization: `Bearer ${token}` }
  const status = isHttp2
    ? await statusOverHttp2(origin, headers, onHead)
    : await statusOverHttp1(origin, headers, onHead)
  await later(30)
  await app.close()
  unsubscribe(auditChannelName, listen)
  return { status, records, ran }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

async function statusOverHttp1(origin: string, headers: Record<string, string>, onHead: () => void): Promise<number> {
  const response = await fetch(`${origin}/x`, { headers, redirect: 'manual' })
  onHead()
  await response.text().catch(() => {}) // cut off
  return response.status
}

async function statusOverHttp2(origin: string, headers: Record<string, string>, onHead: () => void): Promise<number> {
  const session = connectHttp2(origin)
  const stream = session.request({ ':path': '/x', ...headers })
  let status = 0
  stream.on('response', (answer) => {
    status = Number(answer[':status'])
    onHead()
  })
  stream.on('error', () => {})
  stream.resume()
  await new Promise((resolve) => stream.on('close', resolve))
  session.destroy()
  return status
}

for (const each of cases)
  for (const isHttp2 of [false, true])
    t.test(`${each.name}, HTTP/${isHttp2 ? 2 : 1.1}`, async (t) => {
      const { status, records, ran = [] } = each
      t.same(await outcome(t, each, isHttp2), { status, records, ran })
    })

/** What keeps a request to one answer and one record, taken out in turn, and the case that notices. */
const mutants: readonly (readonly [change: Change, at: string])[] = [
  [
    ['fastify/send-refusal', 'if (!request[isRefused]) audit', 'audit'],
    'an onSend hook throws, and the error handler awaits a guard'
  ],
  [['fastify/enforce', ' || (request[isRefused] && !fromErrorHandler)', ''], 'one of two guards passes']
]

for (const [change, at] of mutants)
  t.test(`a mutant: ${change.join(', ')}`, async (t) => {
    const { default: plugin } = await copyOfPlugin(t, change)
    const each = cases.find(({ name }) => name.startsWith(at)) as Case
    const { status, records, ran = [] } = each
    t.not(JSON.stringify(await outcome(t, each, false, plugin)), JSON.stringify({ status, records, ran }))
  })
