/**
 * Checks of the library, taken out in turn. Those that keep test tenants out of production must be missed at registration; those that protect
 * routes must be missed by `expectGuarded`, or it would prove nothing.
 */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import type * as library from '../../../src/plugin/index.js'
import type * as testing from '../../../src/plugin/testing/index.js'
import { buildApi } from '../../support/api.js'
import { type Change, compileInto, sourcesIn } from '../../support/compile.js'

type Library = typeof library & typeof testing

interface Mutant {
  readonly name: string
  readonly edits: readonly Change[]
  /** Which of the checks must fail. */
  readonly noticedBy: keyof typeof checks
}

const network = 'lib/test-network'
const production = "if (process.env.NODE_ENV?.trim().toLowerCase() === 'production')"

const mutants: readonly Mutant[] = [
  { name: 'production', edits: [[network, production, 'if (false)']], noticedBy: 'production' },
  {
    name: 'production, of one of several tenants',
    edits: [['options', '[options, ...tenants.map(Object)].flatMap(', '[options].flatMap(']],
    noticedBy: 'production'
  },
  {
    name: 'a symbol that others have',
    edits: [[network, "Symbol('fastify-entra.testNetwork')", "Symbol.for('fastify-entra.testNetwork')"]],
    noticedBy: 'symbol'
  },
  {
    name: 'a name in place of the symbol',
    edits: [
      [
        network,
        'if (found.length === 0) return []',
        "if ('testNetwork' in options) return [options.testNetwork]\n  if (found.length === 0) return []"
      ],
      ['options', 'refuseUnknown(options, sharedNames)', "refuseUnknown(options, [...sharedNames, 'testNetwork'])"]
    ],
    noticedBy: 'symbol'
  },
  {
    name: 'a network of another copy',
    edits: [[network, 'if (!Object.hasOwn(options, slot))', 'if (false)']],
    noticedBy: 'symbol'
  },
  {
    name: 'the token of a request',
    edits: [
      [
        'fastify/authenticate',
        "if (auth === 'none') return undefined",
        "if (auth === 'none' || !request.headers.authorization) return undefined"
      ]
    ],
    noticedBy: 'guarded'
  },
  {
    name: 'a refusal by the hook',
    edits: [['plugin', 'return why === undefined && ', 'return ']],
    noticedBy: 'guarded'
  },
  {
    name: 'guards in config',
    edits: [
      [
        'fastify/enforce',
        'if (guard === undefined) done()',
        'done()\n    if (guard) return\n    if (guard === undefined) done()'
      ]
    ],
    noticedBy: 'guarded'
  },
  {
    name: 'the answer of a rule',
    edits: [
      [
        'fastify/enforce',
        'const why = principal ? await refusalOf(rule, request, principal)',
        'const why = principal ? undefined'
      ]
    ],
    noticedBy: 'guarded'
  },
  {
    name: 'roles of apps',
    edits: [
      [
        'authorization/evaluate-claims',
        "return kind === 'user' && roles.includes(rule.name)",
        'return roles.length > 0'
      ]
    ],
    noticedBy: 'guarded'
  },
  {
    name: 'all of several rules',
    edits: [['authorization/evaluate-claims', 'isAll ? missing.length > 0 : missing', 'missing']],
    noticedBy: 'guarded'
  },
  {
    name: 'membership',
    edits: [['authorization/evaluate-claims', "principal.membership === 'member' && ", '']],
    noticedBy: 'guarded'
  },
  {
    name: 'the probe behind the last guard',
    edits: [['testing/probe', "return probe.unmet.size === 0 && stop(reply, probe, 'guards')", 'return false']],
    noticedBy: 'guarded'
  },
  {
    name: 'the handler, which a probe replaces',
    edits: [
      ['testing/probe', "redirect(request, () => void stop(reply, probe, 'handler'))", ''],
      ['testing/probe', "return probe.unmet.size === 0 && stop(reply, probe, 'guards')", 'return false']
    ],
    noticedBy: 'guarded'
  },
  {
    name: 'policies, which a probe replaces',
    edits: [['testing/probe', "if (rule.kind === 'policy') return { ...rule, allows: () => answer }", '']],
    noticedBy: 'guarded'
  }
]

async function inProduction(make: () => Promise<unknown>): Promise<void> {
  const { NODE_ENV } = process.env
  process.env.NODE_ENV = 'production'
  try {
    await make()
  } finally {
    Reflect.deleteProperty(process.env, 'NODE_ENV')
    if (NODE_ENV !== undefined) process.env.NODE_ENV = NODE_ENV
  }
}

/** Each rejects where something is missing. */
const checks = {
  async production(t: Test, { default: plugin, createTestTenant }: Library) {
    const { options } = await createTestTenant()
    for (const given of [options, { tenants: [options] }])
      await inProduction(async () => {
        const isRefused = await buildApi(t, { plugin, options: given }).then(
          () => false,
          () => true
        )
        if (!isRefused) throw new Error('registered in production')
      })
  },
  async symbol(t: Test, { default: plugin, createTestTenant }: Library) {
    const { options } = await createTestTenant({ authority: 'http://127.0.0.1:9' })
    const [symbol] = Object.getOwnPropertySymbols(options)
    const found = (options as never)[symbol as never]
    for (const name of ['testNetwork', Symbol.for('fastify-entra.testNetwork'), Symbol('fastify-entra.testNetwork')]) {
      const given = { ...JSON.parse(JSON.stringify(options)), [name]: found }
      const made = await buildApi(t, { plugin, options: given, routes: { '/': {} } }).catch(() => undefined)
      if (made) throw new Error(`${String(name)} brought a network, or was ignored`)
    }
  },
  async guarded(t: Test, { default: plugin, createTestTenant, expectGuarded, ...guards }: Library) {
    const { requireRole, requireScope, requireMember, requirePolicy, allOf } = guards
    const { options } = await createTestTenant()
    const calls: string[] = []
    const handler = async () => calls.push('handler')
    const policy = requirePolicy('own', () => calls.push('policy') > 0)
    const { app } = await buildApi(t, {
      plugin,
      options,
      routes(app: import('fastify').FastifyInstance) {
        app.get('/any', handler)
        app.get('/admin', { preHandler: requireRole('Admin') }, handler)
        app.get('/member', { preHandler: requireMember() }, handler)
        app.get('/both', { preHandler: allOf(requireScope('a'), requireRole('Admin')) }, handler)
        app.get('/config', { config: { auth: requireScope('a') } }, handler)
        app.get('/all', { preHandler: allOf(requireScope('a'), requireRole('Admin'), policy) }, handler)
      }
    })
    await expectGuarded(app)
    await app.close()
    if (calls.length > 0) throw new Error(`called: ${calls.join()}`)
  }
}

await mkdir('.tap', { recursive: true })
const folder = await mkdtemp('.tap/testing-mutants-')
t.teardown(() => rm(folder, { recursive: true, force: true }))
const whole = join(folder, 'whole')
await compileInto(whole, 'src/plugin', await sourcesIn('src/plugin'))

async function load(copy: string): Promise<Library> {
  const file = (path: string) => import(pathToFileURL(resolve(copy, path)).href) as Promise<object>
  return { ...(await file('index.js')), ...(await file('testing/index.js')) } as Library
}

t.test('the library as it is', async (t) => {
  const copy = await load(whole)
  for (const [name, check] of Object.entries(checks)) await t.resolves(check(t, copy), name)
})

for (const [at, { name, edits, noticedBy }] of mutants.entries())
  t.test(`without: ${name}`, async (t) => {
    const copy = join(folder, String(at))
    await cp(whole, copy, { recursive: true })
    await compileInto(copy, 'src/plugin', [...new Set(edits.map(([file]) => `${file}.ts`))], edits)
    const mutant = await load(copy)
    await t.rejects(checks[noticedBy](t, mutant), `noticed: ${noticedBy}`)
    await rm(copy, { recursive: true, force: true })
  })
