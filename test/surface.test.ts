/**
 * The public surface: whatever changes what users import, call or type shows in a review. `SURFACE=write` writes the reports of `test/surface`
 * again. Each declaration counts that an export leads to, as one that is not exported may be the type of an option.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { type Change, changed } from './support/compile.js'
import { entryPoints, surface } from './support/surface.js'

const folder = join('test', 'surface')
const fileOf = (specifier: string) => `${specifier.replaceAll('/', '.')}.md`
const reports = await surface()

t.test('each entry point of package.json is as its report says, and no other has one', async (t) => {
  t.same(
    [...reports.keys()],
    (await entryPoints()).map(({ specifier }) => specifier)
  )
  if (process.env.SURFACE === 'write') {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder)
    for (const [specifier, report] of reports) await writeFile(join(folder, fileOf(specifier)), report)
  }
  t.same((await readdir(folder)).sort(), [...reports.keys()].map(fileOf).sort())
  for (const [specifier, report] of reports)
    t.equal(await readFile(join(folder, fileOf(specifier)), 'utf8'), report, 'if that is meant: SURFACE=write')
})

/** Lines of a report that the other one has not; many declarations have the same last line. */
const linesBeside = (text = '', other = '') => {
  const known = new Set(other.split('\n'))
  return text.split('\n').filter((line) => !known.has(line))
}

t.test('what users can see of a change is noticed in each entry point, and nothing else', async (t) => {
  const edits: Change[] = [
    ['testing/index', 'export type { TestClock }', 'export type { TestClock as Timer }'],
    ['verifier-index', 'credentialsOf,', ''],
    ['index', 'export { loggedText }', 'export { loggedText, maskTokens }'],
    ['lib/logged-text', 'function maskTokens(text: string)', 'export function maskTokens(text: string, every = true)'],
    [
      'fastify/request-principal',
      'principalOrNull: CallerIn<ContextConfig> | null',
      'principalOrNull: Principal | null'
    ],
    ['revocation/memory-store', 'revoke(who: Revoked): void {', 'revoke(who: Revoked, _cause?: string): void {'],
    ['oidc/addresses', '  metadataUrl?: string', '  metadataUrl: string'],
    ['refusals/refusal', '  tenant_unavailable: {', '  tenant_off: {'],
    // Docs, and the body of a function.
    ['downstream/credential', '* A certificate of the app', '* Another certificate of the app'],
    ['revocation/record', 'is missing', 'is not there']
  ]
  const overlay = new Map<string, string>()
  for (const edit of edits) {
    const path = `src/plugin/${edit[0]}.ts`
    overlay.set(resolve(path), changed(`${edit[0]}.ts`, await readFile(path, 'utf8'), [edit]))
  }
  const after = await surface(overlay)
  const noticed = (specifier: string) => [
    ...linesBeside(reports.get(specifier), after.get(specifier)).map((line) => `- ${line.trim()}`),
    ...linesBeside(after.get(specifier), reports.get(specifier)).map((line) => `+ ${line.trim()}`)
  ]
  t.same(noticed('fastify-entra'), [
    '- revoke(who: Revoked): void;',
    "- | 'tenant_unavailable'",
    '- readonly principalOrNull: CallerIn<ContextConfig> | null;',
    '- metadataUrl?: string;',
    '+ revoke(who: Revoked, _cause?: string): void;',
    '+ export function maskTokens(text: string, every?: boolean): string;',
    "+ | 'tenant_off'",
    '+ readonly principalOrNull: Principal | null;',
    '+ metadataUrl: string;'
  ])
  t.same(noticed('fastify-entra/verifier'), [
    '- revoke(who: Revoked): void;',
    '- export function credentialsOf(authorization: string | null | undefined): Credentials;',
    "- | 'tenant_unavailable'",
    '- metadataUrl?: string;',
    '+ revoke(who: Revoked, _cause?: string): void;',
    "+ | 'tenant_off'",
    '+ metadataUrl: string;'
  ])
  t.same(noticed('fastify-entra/testing'), [
    '- export interface TestClock {',
    '- metadataUrl?: string;',
    '+ ## Exports under another name',
    '+ export { TestClock as Timer }',
    '+ metadataUrl: string;',
    '+ interface TestClock {'
  ])
})
