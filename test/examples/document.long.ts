/** The document makes clients: by two generators with parsers of their own. What would break a client does not compile. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { compile } from './compile.js'
import { folderOf, tool } from './support.js'

const example = folderOf('typed-client')
const committed = await readFile('openapi.yaml', 'utf8')

async function temporary(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fastify-entra-client-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The generator that the example has, as a function. */
interface Generator {
  /** Takes the text of a document. */
  readonly default: (document: string) => Promise<unknown>
  readonly astToString: (types: unknown) => string
}

const { default: generateTypes, astToString } = createRequire(join(example, 'package.json'))(
  'openapi-typescript'
) as Generator

t.test('examples/typed-client has the types of the document as it is', async (t) => {
  const output = join(await temporary(t), 'schema.ts')
  t.match(await tool(example, 'openapi-typescript', [resolve('openapi.yaml'), '--output', output]), {
    code: 0,
    err: ''
  })
  const [made, held] = await Promise.all([output, join(example, 'src/schema.ts')].map((file) => readFile(file, 'utf8')))
  t.equal(made, held, 'if not: npm run generate -w examples/typed-client')
})

const config = JSON.parse(await readFile(join(example, 'tsconfig.json'), 'utf8')) as { compilerOptions: object }

/** A part of a document of OpenAPI, to be changed. */
interface Part {
  [name: string]: Part
}

const ok = (document: Part, path: string) =>
  document.paths?.[path]?.get?.responses?.['200']?.content?.['application/json']?.schema as Part

const user = (document: Part) => ok(document, '/users').properties?.users?.items as Part

/** Replaces what is there: a change that changes nothing shows nothing. */
function change(part: Part | undefined, name: string, value: unknown): void {
  if (part?.[name] === undefined) throw new Error(`the document has no ${name} there`)
  if (value === undefined) delete part[name]
  else Object.assign(part, { [name]: value })
}

const breaking: Record<string, { readonly mend: (document: Part) => void; readonly says: RegExp }> = {
  'a path is gone': {
    mend: ({ paths }) => change(paths, '/users', undefined),
    says: /main\.ts\(\d+,\d+\): error .*"\/users"/
  },
  'a public path is gone': {
    mend: ({ paths }) => change(paths, '/readyz', undefined),
    says: /client\.ts\(\d+,\d+\): error .*"\/readyz"/
  },
  'a path has another method': {
    mend: ({ paths }) => change(paths, '/users', { post: paths?.['/users']?.get }),
    says: /main\.ts\(\d+,\d+\): error .*"\/users"/
  },
  'a field is gone': {
    mend: (document) => change(user(document).properties, 'displayName', undefined),
    says: /main\.ts\(\d+,\d+\): error .*'displayName'/
  },
  'a field has another name': {
    mend: (document) => {
      const users = ok(document, '/users')
      change(users, 'properties', { members: users.properties?.users })
    },
    says: /main\.ts\(\d+,\d+\): error .*'users'/
  },
  'a field that was there may be missing': {
    mend: (document) => change(ok(document, '/users'), 'required', []),
    says: /main\.ts\(\d+,\d+\): error .*undefined/
  },
  'a refusal is no problem any more': {
    mend: ({ components }) => change(components?.schemas?.Problem?.properties, 'code', undefined),
    says: /main\.ts\(\d+,\d+\): error .*'code'/
  },
  'a parameter is required': {
    mend: ({ paths }) =>
      Object.assign(paths?.['/users']?.get as Part, {
        parameters: [{ name: 'top', in: 'query', required: true, schema: { type: 'integer' } }]
      }),
    says: /main\.ts\(\d+,\d+\): error /
  }
}

/** The example with the types of another document; says what the compiler has against it. */
async function compileWith(mend: (document: Part) => void): Promise<string> {
  const document = parse(committed) as Part
  mend(document)
  const schema = astToString(await generateTypes(JSON.stringify(document)))
  return compile(example, config, { [join(example, 'src/schema.ts')]: schema })
}

for (const [name, { mend, says }] of Object.entries(breaking)) {
  t.test(`does not compile: ${name}`, async (t) => {
    const errors = await compileWith(mend)
    t.match(errors, says)
    t.notMatch(errors, /schema\.ts|Cannot find/, 'and only for that')
  })
}

t.test('compiles: what adds to the API breaks nobody', async (t) => {
  const errors = await compileWith((document) => {
    Object.assign(user(document).properties as Part, { department: { type: 'string' } })
    Object.assign(document.paths as Part, { '/added': { get: { responses: { 204: { description: 'Nothing' } } } } })
  })
  t.equal(errors, '')
})

t.test('oazapfts, which has another parser, makes a client of it without complaint, and that compiles', async (t) => {
  const output = join(await temporary(t), 'client.ts')
  const made = await tool('.', 'oazapfts', [resolve('openapi.yaml'), output])
  t.same(made, { code: 0, out: '', err: '' })
  const client = await readFile(output, 'utf8')
  const operations = [...committed.matchAll(/operationId: (\w+)/g)].map(([, name = '']) => name)
  t.ok(operations.length >= 9)
  for (const name of operations) t.match(client, new RegExp(`export function ${name}\\(`), name)
  // As if it were one of the tests, whose folder has the packages that it imports. It imports more than it uses.
  const compilerOptions = { ...config.compilerOptions, noUnusedLocals: false }
  const compiled = (use: string) =>
    compile(
      resolve('test'),
      { compilerOptions, files: ['use.ts'] },
      { [resolve('test/client.ts')]: client, [resolve('test/use.ts')]: use }
    )
  t.equal(compiled(use), '')
  t.match(
    compiled(use.replaceAll('displayName', 'nickname')),
    /use\.ts.*'nickname'/,
    'its types are those of the document'
  )
})

const use = `import { listUsers } from './client.js'
const answer = await listUsers()
if (answer.status === 200) console.log(answer.data.users.map(({ displayName }) => displayName))
if (answer.status === 403) console.log(answer.data.code)
`
