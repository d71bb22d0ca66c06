/** The shape of the house: a stage imports only earlier ones, and files and functions stay small. */
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import t from 'tap'

/** ARCHITECTURE, "a request flows one way": each file may import those before it. */
const stages = [
  ...[
    'own',
    'types',
    'marks',
    'configuration-error',
    'errors',
    'clock',
    'back-off',
    'quiet',
    'logged-text',
    'logged-error',
    'store-errors',
    'clouds',
    'microsoft-apis',
    'option-checks',
    'common-audiences'
  ],
  ...['refusal-error', 'route-auth', 'downstream-options', 'internals'],
  ...[
    'bearer',
    'fetch-json',
    'metadata',
    'jwks',
    'outages',
    'concurrency',
    'circuit',
    'circuit-breaker',
    'bounded-calls',
    'answers',
    'tenant-decisions',
    'profile',
    'time-options',
    'key-news',
    'keys',
    'issuers',
    'trusted-issuers'
  ],
  ...['json-members', 'decode', 'header', 'token-cache', 'token-cache-options', 'claims', 'audience'],
  ...['caller-kind', 'hints', 'tenant', 'caller-facts', 'principal', 'user-flow', 'providers', 'oidc'],
  ...['authority', 'allowed-tenants', 'entra-options', 'oidc-options'],
  ...[
    'library-errors',
    'forgeries',
    'step-up',
    'revocation',
    'revoked',
    'revocations',
    'redis-revocations',
    'verify',
    'rules',
    'alternatives',
    'verdict',
    'decision',
    'groups',
    'guard',
    'guards',
    'guards-for',
    'request-policy',
    'request-principal',
    'route-guards'
  ],
  ...['token-answers', 'shared-cache', 'msal', 'downstream', 'downstreams', 'graph-groups', 'on-behalf-of'],
  ...[
    'audit-options',
    'audit-events',
    'audit',
    'request-occasion',
    'answered',
    'challenge',
    'send-refusal',
    'enforce',
    'admission',
    'authenticate',
    'jwt-surface',
    'refusal-answers',
    'outside',
    'options'
  ],
  ...['openapi-extensions', 'openapi', 'decorators', 'route-check', 'early-routes'],
  ...['access-entry', 'access-checks', 'access-matrix', 'plugin', 'index']
]

t.test('a stage of the plugin imports only earlier ones', async (t) => {
  const files = await readdir('src/plugin')
  t.same(files.map((file) => basename(file, '.ts')).sort(), [...stages].sort(), 'every file has its place')
  for (const stage of stages) {
    const source = await readFile(`src/plugin/${stage}.ts`, 'utf8')
    for (const [, imported = ''] of source.matchAll(/from '\.\/([^']+)\.js'/g)) {
      t.ok(stages.indexOf(imported) < stages.indexOf(stage), `${stage} imports ${imported}, which comes before it`)
    }
  }
})

t.test('files of 300 lines or fewer', async (t) => {
  const files = await readdir('src', { recursive: true })
  for (const file of files.filter((name) => name.endsWith('.ts'))) {
    const lines = (await readFile(`src/${file}`, 'utf8')).split('\n').length
    t.ok(lines <= 300, `${file} has ${lines} lines`)
  }
})
