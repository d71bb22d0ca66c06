/**
 * Mistakes in programs, one a row: either the start stops with a sentence that says where the mistake is and what to
 * change, or what is answered is safe. Mistakes in options are in `options.test.ts`.
 */
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import entra, {
  allOf,
  anyOf,
  type Guard,
  type Policy,
  requireApp,
  requireAppPermission,
  requirePolicy,
  requireRole,
  requireScope,
  requireUser
} from '../../../src/plugin/index.js'
import { checkRefusal, checkSecrecy, get, listen, makeApp } from '../../support/http.js'
import { clientId, startTestTenant, tenantId } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const options = { tenantId, clientId, authority: tenant.origin }
/** A user with the scope `access_as_user`, and nothing else. */
const token = await tenant.userToken()

const holds = requireScope('access_as_user')
const lacks = requireScope('Orders.Read')
const impossible = allOf(requireUser(), requireApp())
const other = async () => {}
/** How often a handler of a row ran. */
let handled = 0
const handler = async () => {
  handled += 1
  return 'handled'
}
const reader = async (request: FastifyRequest) => {
  const { id } = request.principal
  handled += 1
  return id
}

type Program = (app: FastifyInstance) => unknown

/** A program without any other mistake than what its route declares. */
const route =
  (declared: object, by: (request: FastifyRequest) => Promise<string> = handler): Program =>
  async (app) => {
    await app.register(entra, options)
    app.get('/x', declared, by)
  }

/** As {@link route}, with the route before the plugin. */
const before =
  (declared: object, awaited = false): Program =>
  async (app) => {
    app.get('/x', declared, handler)
    const registered = app.register(entra, options)
    if (awaited) await registered
  }

interface Stop {
  readonly name: string
  readonly program: Program
  /** The whole sentence: where the mistake is, and what to change. */
  readonly says: string | RegExp
}

const stop = (name: string, says: Stop['says'], program: Program): Stop => ({ name, says, program })

const openAndGuarded = 'GET /x has a guard and config.auth "none"; remove one, as a guard requires a token'
const auth = (value: unknown) =>
  stop(
    `auth ${JSON.stringify(value)}`,
    `GET /x has config.auth ${JSON.stringify(value)}; give required, optional, none or one guard`,
    route({ config: { auth: value } })
  )
const never = (name: string, preHandler: Guard | Guard[]) =>
  stop(
    name,
    'GET /x requires a user and an app at once, so nobody can call it; remove one guard, or combine them with anyOf',
    route({ preHandler })
  )

const routes: Stop[] = [
  stop('a guard, and auth none', openAndGuarded, route({ preHandler: lacks, config: { auth: 'none' } })),
  stop('guards, and auth none', openAndGuarded, route({ preHandler: [lacks, lacks], config: { auth: 'none' } })),
  stop(
    'a guard among other preHandlers, and auth none',
    openAndGuarded,
    route({ preHandler: [other, lacks], config: { auth: 'none' } })
  ),
  ...['off', 'None', 'public', '', false, null, ['none'], { none: true }].map(auth),
  never('a user and an app', impossible),
  never('a scope and an application permission', allOf(lacks, requireAppPermission('Orders.Read.All'))),
  never('a role and an app, as an array', [requireRole('Admin'), requireApp()]),
  never('one of several ways, none of which anybody can go', anyOf(impossible, allOf(requireApp(), lacks)))
]

const notHere = (requires: string, where = 'no prefix') =>
  `a scope with ${where} has a guard that requires ${requires}, and fastify-entra is not registered there; register the plugin there, or in a scope around it`
const twice = 'fastify-entra is registered twice; register it once'
const jwtFirst = '@fastify/jwt is registered already; register it after fastify-entra, with a namespace'

const ownApi = (registered: typeof options, path: string) => async (child: FastifyInstance) => {
  await child.register(entra, registered)
  child.get(path, handler)
}

/** Seen when Fastify binds hooks to their scope, as the plugin sees none of these routes. */
const outside: Stop[] = [
  stop('a guard where the plugin is not registered', notHere('a user, or an app-only token'), async (app) => {
    app.get('/x', { preHandler: anyOf(requireUser(), requireApp()) }, handler)
    await app.ready()
  }),
  stop('the plugin in a child scope, and a guard beside it', notHere('the scope access_as_user'), async (app) => {
    await app.register(ownApi(options, '/inside'))
    app.get('/x', { preHandler: holds }, handler)
    await app.ready()
  }),
  stop('the same, and the route first', notHere('the scope access_as_user'), async (app) => {
    app.get('/x', { preHandler: holds }, handler)
    app.register(ownApi(options, '/inside'))
    await app.ready()
  }),
  stop('a guard in a hook', notHere('the role Admin, held by a user', 'the prefix "/beside"'), async (app) => {
    await app.register(ownApi(options, '/inside'))
    const beside = async (child: FastifyInstance) => {
      child.addHook('preHandler', requireRole('Admin'))
      child.get('/x', handler)
    }
    app.register(beside, { prefix: '/beside' })
    await app.ready()
  }),
  stop('a guard of the not-found handler', notHere('the scope access_as_user'), async (app) => {
    app.setNotFoundHandler({ preHandler: holds }, handler)
    await app.ready()
  }),
  stop(
    'a guard that was not called, before the plugin',
    'a scope with no prefix has a function that makes guards in place of a guard; call it to make the guard',
    async (app) => {
      app.get('/x', { preHandler: requireUser as unknown as Guard }, handler)
      await app.register(entra, options)
      await app.ready()
    }
  )
]

const registrations: Stop[] = [
  stop('the plugin twice', twice, async (app) => {
    await app.register(entra, options)
    await app.register(entra, options)
  }),
  stop('the plugin twice, not awaited', twice, (app) => {
    app.register(entra, options)
    app.register(entra, options)
    return app.ready()
  }),
  stop('the plugin, and again in a child scope', twice, async (app) => {
    await app.register(entra, options)
    app.register(async (child) => void (await child.register(entra, options)))
    await app.ready()
  }),
  ...(['principal', 'principalOrNull'] as const).map((name) =>
    stop(
      `request.${name} before the plugin`,
      `request.${name} is decorated already, and this plugin needs the name; rename the other decorator`,
      (app) => {
        app.decorateRequest(name as string, null)
        return app.register(entra, options)
      }
    )
  ),
  stop(
    'app.entra before the plugin',
    'app.entra is decorated already, and this plugin needs the name; rename the other decorator',
    (app) => {
      app.decorate('entra' as string, 'of the app')
      return app.register(entra, options)
    }
  ),
  stop('@fastify/jwt before the plugin', jwtFirst, async (app) => {
    await app.register(fastifyJwt, { secret: 'of the app' })
    await app.register(entra, options)
  }),
  stop('@fastify/jwt before the plugin, with a namespace', jwtFirst, async (app) => {
    await app.register(fastifyJwt, { secret: 'of the app', namespace: 'app' })
    await app.register(entra, options)
  })
]

const byName = {
  requireScope,
  requireRole,
  requireAppPermission,
  requirePolicy: (name: string) => requirePolicy(name, () => true)
}

/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). */
const noNames: [what: string, name: unknown][] = [
  ['empty', ''],
  ['a space', ' '],
  ['two names', 'Orders.Read Orders.Write'],
  ['space before', ' a'],
  ['space behind', 'a '],
  ['a tab', 'a\tb'],
  ['a line break', 'a\n'],
  ['%x22', 'a"b'],
  ['%x5C', 'a\\b'],
  ['%x7F', 'a\u007f'],
  ['%x80', 'a\u0080'],
  ['beyond ASCII', 'zażółć'],
  ['nothing', undefined],
  ['null', null],
  ['a number', 5],
  ['a list', ['Orders.Read', 'Orders.Write']]
]

const names: Stop[] = [
  ...Object.entries(byName).flatMap(([by, make]) =>
    noNames.map(([what, name]) =>
      stop(
        `${by}: ${what}`,
        `${by} got ${String(JSON.stringify(name))} in place of a name; give one name without spaces`,
        () => make(name as string)
      )
    )
  ),
  ...[requireScope, requireRole, requireAppPermission].map((require) =>
    stop(
      `${require.name}: two names`,
      `${require.name} got ["a","b"] in place of a name; give one name without spaces, and combine guards with anyOf or allOf`,
      () => (require as (...names: string[]) => Guard)('a', 'b')
    )
  ),
  stop(
    'requireScope: with the App ID URI, as scp holds short names',
    'requireScope got "api://orders/Orders.Read", which includes the App ID URI; give the short name, such as Orders.Read',
    () => requireScope('api://orders/Orders.Read')
  )
]

const empty = (
  by: 'anyOf' | 'allOf',
  what: string,
  make: () => unknown,
  got = 'no guard; give guards, such as requireRole("Admin")'
) => stop(`${by} of ${what}`, `${by} got ${got}`, make)
const inPlace = (of: string) => `${of} in place of a guard; give guards, such as requireRole("Admin")`
const noPolicy = (what: string, allows: unknown) =>
  stop(`a policy ${what}`, /^requirePolicy got .+ in place of a function; give a name and a function$/, () =>
    requirePolicy('p', allows as Policy)
  )

const combinations: Stop[] = [
  empty('anyOf', 'nothing', () => anyOf()),
  empty('allOf', 'nothing', () => allOf()),
  empty('anyOf', 'an emptied list', () => anyOf(...[])),
  empty('anyOf', 'a name', () => anyOf('Orders.Read' as unknown as Guard), inPlace('"Orders.Read"')),
  empty('anyOf', 'a guard and a name', () => anyOf(requireUser(), 'Admin' as unknown as Guard), inPlace('"Admin"')),
  empty(
    'allOf',
    'a guard and nothing',
    () => allOf(requireUser(), undefined as unknown as Guard),
    inPlace('undefined')
  ),
  empty(
    'anyOf',
    'a guard that was not called',
    () => anyOf(requireUser as unknown as Guard),
    'a function that makes guards, and was not called; give guards, such as requireRole("Admin")'
  ),
  empty('allOf', 'another preHandler', () => allOf(other as unknown as Guard), inPlace('"a function"')),
  empty(
    'anyOf',
    'a list of guards',
    () => anyOf([requireUser()] as unknown as Guard),
    'a list; write anyOf(a, b), not anyOf([a, b])'
  ),
  empty(
    'allOf',
    'a rule',
    () => allOf({ rule: { kind: 'user' } } as unknown as Guard),
    inPlace('{"rule":{"kind":"user"}}')
  ),
  noPolicy('of nothing', undefined),
  noPolicy('that is a promise', Promise.resolve(true)),
  noPolicy('that is true', true)
]

const hookNames = [
  'preParsing',
  'preSerialization',
  'onSend',
  'onResponse',
  'onError',
  'onTimeout',
  'onRequestAbort'
] as const
const makers = { requireScope, requireRole, requireAppPermission, requirePolicy, requireUser, requireApp, anyOf, allOf }

const early =
  'a guard in an onRequest hook runs before fastify-entra, which identifies the caller; add it as a preHandler, or register the plugin first'

/** In hooks of a scope: known once all is declared. */
const inScope =
  (hook: string, what: unknown): Program =>
  async (app) => {
    await app.register(entra, options)
    app.register(async (child) => {
      child.get('/x', handler)
      child.addHook(hook as 'onResponse', what as Guard)
    })
    await app.ready()
  }

/** Fastify itself refuses an async function with parameters as `onRequestAbort`. */
const scopeHookNames = hookNames.filter((name) => name !== 'onRequestAbort')

const guardsInScopes: Stop[] = [
  ...scopeHookNames.map((hook) =>
    stop(`a guard in ${hook}`, `a scope of GET /x has a guard in ${hook}; put it into preHandler`, inScope(hook, lacks))
  ),
  ...['onRequest', 'preHandler', 'onSend'].map((hook) =>
    stop(
      `requireRole in ${hook}, not called`,
      'a scope with no prefix has a function that makes guards in place of a guard; call it to make the guard',
      inScope(hook, requireRole)
    )
  ),
  stop('a guard for all routes, as a hook that runs before the plugin', early, async (app) => {
    app.addHook('onRequest', holds)
    await route({})(app)
  }),
  stop('a guard for all routes, as a hook that runs before the plugin, in a scope', early, async (app) => {
    app.addHook('onRequest', holds)
    app.register(async (child) => void (await child.register(entra, options)))
    await app.ready()
  })
]

const misplacedGuards: Stop[] = [
  ...hookNames.map((hook) =>
    stop(`a guard in ${hook}, where it cannot refuse`, /^GET \/x .*preHandler/, route({ [hook]: lacks }))
  ),
  ...['onRequest', 'preValidation'].map((hook) =>
    stop(
      `a guard in ${hook}, and auth none`,
      /^GET \/x .*auth "none"/,
      route({ [hook]: holds, config: { auth: 'none' } })
    )
  ),
  ...Object.entries(makers).map(([name, make]) =>
    stop(`${name} in the place of a guard, not called`, /^GET \/x .*call/, route({ preHandler: make }))
  )
]

/** What a program throws, or `undefined` when it goes on. */
async function thrownBy(program: Program, app: FastifyInstance): Promise<unknown> {
  try {
    await program(app)
    return undefined
  } catch (error) {
    return error
  }
}

for (const [group, stops] of Object.entries({
  routes,
  outside,
  registrations,
  names,
  combinations,
  misplacedGuards,
  guardsInScopes
})) {
  t.test(`${group}: the start stops, and says where the mistake is and what to change`, async (t) => {
    for (const { name, program, says } of stops) {
      const thrown = await thrownBy(program, makeApp(t).app)
      t.match(thrown, { name: 'EntraConfigurationError', code: 'ENTRA_CONFIGURATION', message: says }, name)
      if (typeof says === 'string') t.equal((thrown as Error | undefined)?.message, says, `${name}: the whole sentence`)
    }
  })
}

/** What a stranger and a user are answered. */
type Statuses = readonly [stranger: number, user: number]

interface Safe {
  readonly name: string
  readonly program: Program
  readonly answers: Readonly<Record<string, Statuses>>
  /** What each 500 says: a mistake of the program, not of the client. */
  readonly says?: string
}

const closed: Statuses = [401, 200]
const refused: Statuses = [401, 403]
const nobody: Statuses = [401, 401]
const mistake: Statuses = [500, 500]
const x = (name: string, statuses: Statuses, program: Program): Safe => ({ name, program, answers: { '/x': statuses } })

const allowsStrangers =
  'allows unauthenticated requests, or its caller is not verified yet; read request.principalOrNull there, not request.principal'

const principals: Safe[] = [
  {
    ...x('request.principal where strangers may come', [500, 200], route({ config: { auth: 'optional' } }, reader)),
    says: `GET /x ${allowsStrangers}`
  },
  {
    ...x('request.principal where nobody looks at tokens', mistake, route({ config: { auth: 'none' } }, reader)),
    says: `GET /x ${allowsStrangers}`
  },
  ...(
    [
      ['/x', `GET /x ${allowsStrangers}`],
      ['/nowhere', `GET without a route ${allowsStrangers}`]
    ] as const
  ).map(([path, says]) => ({
    name: `request.principal in a hook that runs before the plugin, ${path}`,
    answers: { [path]: mistake },
    says,
    program: async (app: FastifyInstance) => {
      app.addHook('onRequest', async (request) => void request.principal)
      await route({})(app)
    }
  }))
]

const asHook =
  (name: 'onRequest' | 'preHandler', guard: Guard, declared: object = {}): Program =>
  async (app) => {
    await app.register(entra, options)
    app.addHook(name, guard)
    app.get('/x', declared, handler)
  }

const otherHooks: Safe[] = [
  ...['onRequest', 'preValidation'].flatMap((hook) => [
    x(`a guard in ${hook} that the user does not pass`, refused, route({ [hook]: lacks })),
    x(`a guard in ${hook} that the user passes`, closed, route({ [hook]: holds }))
  ]),
  {
    name: 'a guard for all routes, as a hook, and unknown routes',
    program: asHook('preHandler', lacks),
    answers: { '/x': refused, '/nowhere': refused }
  },
  x(
    'a guard for all routes, as a hook, and auth none',
    nobody,
    asHook('preHandler', holds, { config: { auth: 'none' } })
  ),
  x('a guard for all routes, as a hook that runs after the plugin', refused, asHook('onRequest', lacks)),
  x('a guard for all routes, as a preHandler that was added before the plugin', refused, async (app) => {
    app.addHook('preHandler', lacks)
    await route({})(app)
  }),
  x('a guard that another plugin adds to each route', refused, async (app) => {
    await app.register(entra, options)
    app.addHook('onRoute', (declared) => void Object.assign(declared, { preHandler: [lacks] }))
    app.get('/x', handler)
  })
]

const misplaced: Safe[] = [
  x('config.Auth', closed, route({ config: { Auth: 'none' } })),
  x('auth beside config', closed, route({ auth: 'none' })),
  x('auth none for a scope', closed, async (app) => {
    await app.register(entra, options)
    const scope = async (child: FastifyInstance) => void child.get('/x', handler)
    await app.register(scope, { config: { auth: 'none' } })
  })
]

const order: Safe[] = [
  ...[true, false].flatMap((awaited) => {
    const when = awaited ? 'before the plugin, which is awaited' : 'before the plugin, which is not awaited'
    const row = (what: string, statuses: Statuses, declared: object) =>
      x(`a route ${what} ${when}`, statuses, before(declared, awaited))
    return [
      row('without a word', closed, {}),
      row('with a guard', refused, { preHandler: lacks }),
      row('with a guard that can never pass', refused, { preHandler: impossible }),
      row('with an unknown auth', closed, { config: { auth: 'off' } }),
      row('with auth none and a guard', nobody, { preHandler: holds, config: { auth: 'none' } })
    ]
  }),
  x('a route before app.after(), and the plugin', closed, async (app) => {
    app.get('/x', handler)
    await app.after()
    await app.register(entra, options)
  }),
  ...(
    [
      ['an unknown auth', closed, { config: { auth: 'off' } }],
      ['auth none and a guard', nobody, { preHandler: holds, config: { auth: 'none' } }],
      ['a guard', refused, { preHandler: lacks }]
    ] as const
  ).map(([what, statuses, declared]) =>
    x(`a route with ${what} right after the plugin, which is not awaited`, statuses, (app) => {
      app.register(entra, options)
      app.get('/x', declared as object, handler)
    })
  )
]

/** Another API of the same tenant: the user's token is not for it. */
const otherApi = { ...options, audience: 'api://another' }

const scopes: Safe[] = [
  {
    name: 'the plugin in two scopes, each for its own API',
    program: async (app) => {
      await app.register(ownApi(otherApi, '/other'))
      await app.register(ownApi(options, '/x'))
    },
    answers: { '/other': nobody, '/x': closed }
  },
  {
    name: 'the plugin in a child scope, and then for all: both must be content',
    program: async (app) => {
      await app.register(ownApi(otherApi, '/other'))
      await route({})(app)
    },
    answers: { '/other': nobody, '/x': closed }
  },
  x('@fastify/jwt after the plugin, with a namespace', closed, async (app) => {
    await route({})(app)
    await app.register(fastifyJwt, { secret: 'of the app', namespace: 'app' })
  })
]

for (const [group, rows] of Object.entries({ principals, otherHooks, misplaced, order, scopes })) {
  t.test(`${group}: what is answered is safe`, async (t) => {
    for (const { name, program, answers, says } of rows) {
      t.test(name, async (t) => {
        const made = makeApp(t)
        await program(made.app)
        const { origin, logged } = await listen(made)
        for (const [path, statuses] of Object.entries(answers)) {
          for (const [who, sent] of [undefined, token].entries()) {
            handled = 0
            const answer = await get(origin + path, sent)
            const { status, body } = answer
            t.equal(status, statuses[who], `${path}, ${sent ? 'a user' : 'a stranger'}`)
            t.equal(handled, status === 200 ? 1 : 0, 'the handler runs for no one else')
            if (status === 500) {
              const { code, message } = JSON.parse(body) as Record<string, unknown>
              t.same({ code, message }, { code: 'ENTRA_CONFIGURATION', message: says })
            }
            checkSecrecy(t, token, answer, logged())
          }
        }
      })
    }
  })
}

t.test('a route that is right is left as it is', async (t) => {
  const made = makeApp(t)
  await made.app.register(entra, options)
  const declared = { preHandler: [other, holds], config: { auth: 'optional', own: 1 } as object }
  made.app.get('/x', declared, async (request) => request.routeOptions.config)
  const { origin } = await listen(made)
  const { body } = await get(`${origin}/x`, token)
  t.same(JSON.parse(body), { auth: 'optional', own: 1, url: '/x', method: 'GET' })
  checkRefusal(t, await get(`${origin}/x`), { status: 401, code: 'credentials_missing', error: null })
})

/** What a route has that was declared before the plugin is not seen, so these are answered instead. */
t.test('a guard in a hook for all routes that comes too late: an error, and an end of it', async (t) => {
  const says = 'GET /x has a guard in a hook that runs too late; add it as a preHandler'
  const answered = async (hook: 'preParsing' | 'preSerialization' | 'onSend' | 'onResponse') => {
    const made = makeApp(t)
    made.app.get('/x', async () => ({ ok: true }))
    await made.app.register(entra, options)
    made.app.addHook(hook as 'onResponse', lacks)
    const { origin, logged } = await listen(made)
    const { status } = await get(`${origin}/x`, token)
    await made.app.close()
    return { status, said: logged().includes(says) }
  }
  for (const hook of ['preParsing', 'preSerialization', 'onSend'] as const)
    t.same(await answered(hook), { status: 500, said: true }, hook)
  t.same(await answered('onResponse'), { status: 200, said: true }, 'onResponse: the answer is on its way already')
})

t.test(
  'a guard in a hook that is added when the app is ready: Fastify stops the start, or refuses the hook',
  async (t) => {
    const { app } = makeApp(t)
    await app.register(entra, options)
    app.get('/x', handler)
    app.addHook('onReady', async () => void app.addHook('preHandler', lacks))
    await t.rejects(async () => app.ready(), { code: /^FST_ERR_/ })
    const { app: ready } = makeApp(t)
    await ready.register(entra, options)
    await ready.ready()
    t.throws(() => ready.addHook('preHandler', lacks), { code: /^FST_ERR_/ })
  }
)
