/** Sentences of the library's errors, read from its source: for the tables of `docs/errors.md`. */
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import ts from 'typescript'
import { versionClash } from '../../src/plugin/lib/marks.js'

/** What stands in a message where the source has one of these expressions, in one file or in any. */
const placeholders: Readonly<Record<string, string>> = {
  'common-audiences.ts: name': '<option>',
  fault: '<what is wrong>',
  rootPath: '/.well-known/oauth-protected-resource',
  'app.prefix': '<scope>',
  'metadata-host.ts: route': '<path>',
  owner: '<product>',
  'options.ts: instead': '<options>',
  twice: '<tenant>',
  domain: '<domain>',
  many: '<tenantId>',
  taken: '<name>',
  onApp: '<name>',
  foreign: '<option>',
  'known.where': '<route>',
  'known.words': '<permission>',
  method: '<method>',
  url: '<path>',
  words: '<permission>',
  'named(routes)': '<routes>',
  'named(undecided)': '<routes>',
  members: '<routes>',
  agents: '<routes>',
  people: '<routes>',
  'named(unseen)': '<routes>',
  'route.method': '<method>',
  'route.url': '<path>',
  where: '<route>',
  'inScope(scope)': '<scope>',
  'describe(rule)': '<permission>',
  misplaced: '<hook>',
  uncalled: '<hook>',
  'this.#max': '<number>',
  "Object.keys(providers).join(', ')": '<providers>',
  "algorithmNames.join(', ')": '<algorithms>',
  'proxies.ts: name': '<variable>',
  'validate.ts: name': '<option>',
  least: '<number>',
  most: '<number>',
  wanted: '<what is allowed>',
  begins: 'there is no option "<name>"',
  its: 'the',
  "names.join(', ')": '<names>',
  example: '<example>',
  'what.call(this)': '<function>',
  'jwt-surface.ts: instead': '<what to use instead>',
  tenantId: '<tenantId>',
  "Object.keys(clouds).join(', ')": '<clouds>',
  clientId: '<ID>',
  other: '<option>',
  id: '<ID>',
  personalAccounts: '<ID>',
  "credentialNames.join(', ')": '<options>',
  "kinds.join(', ')": 'clientSecret, clientCertificate, clientAssertion',
  'credential.ts: code': '<code>',
  'credential.ts: name': 'downstream.<option>',
  'proof.ts: name': 'downstream.<option>',
  'proof.ts: whose': 'downstream.credential',
  'proof.ts: length': '<number>',
  'options.ts: name': '<option>',
  "given.join(' and ')": '<options>',
  msalPackage: '<package>',
  'make.name': '<guard>',
  known: '<names>',
  "[...clientAuths].join(', ')": '<methods>',
  by: '<guard>',
  more: '',
  'inPlaceOf(guards)': '<value>',
  "levels.join(', ')": '<levels>',
  maxBytes: '<number>',
  'String(JSON.stringify(issuer)).slice(0, 200)': '<issuer>',
  expected: '<issuer>',
  origin: '<origin>',
  found: '<origin>',
  option: 'keysOrigin',
  maxKeys: '<number>',
  'issuer.ts: name': '<issuer>',
  'preloaded-file.ts: code': '<code>',
  'preloading.ts: reason': '<reason>',
  'preloading.ts: theirs': '<issuer>',
  'preloading.ts: own': '<issuer>'
}

/** Values as a message shows them, and routes. */
const placeholderCalls = {
  shown: '<value>',
  pathIn: '<path>',
  routeOf: '<route>',
  versionClash: versionClash('<route>', '<version>', '<version>')
}

/** All texts of an expression as a reader sees it: one for each branch, and `<words>` for what is only known when it runs. */
function textsOf(node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (ts.isParenthesizedExpression(node)) return textsOf(node.expression)
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)]
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return joined([textsOf(node.left), textsOf(node.right)])
  if (ts.isTemplateExpression(node)) {
    const spans = node.templateSpans.flatMap(({ expression, literal }) => [textsOf(expression), [literal.text]])
    return joined([[node.head.text], ...spans])
  }
  const declared = ts.isIdentifier(node) ? declarationOf(node) : undefined
  if (declared && isText(declared)) return textsOf(declared)
  return [placeholderOf(node)]
}

/** @throws Error for an expression that has no words here: add them */
function placeholderOf(node: ts.Expression): string {
  const words = new Map([...Object.entries(placeholders), ...Object.entries(placeholderCalls)])
  const text =
    ts.isCallExpression(node) && words.has(node.expression.getText()) ? node.expression.getText() : node.getText()
  const found = words.get(`${basename(node.getSourceFile().fileName)}: ${text}`) ?? words.get(text)
  if (found === undefined) throw new Error(`test/support/sentences.ts has no words for ${text}`)
  return found
}

/** A value whose text is known, as it is written out. */
function isText(node: ts.Expression): boolean {
  if (ts.isConditionalExpression(node)) return isText(node.whenTrue) && isText(node.whenFalse)
  if (ts.isBinaryExpression(node)) return node.operatorToken.kind === ts.SyntaxKind.PlusToken && isText(node.left)
  const declared = ts.isIdentifier(node) ? declarationOf(node) : undefined
  return declared ? isText(declared) : ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)
}

const joined = (parts: readonly (readonly string[])[]): string[] =>
  parts.reduce<string[]>((texts, next) => texts.flatMap((text) => next.map((each) => text + each)), [''])

/** The value of the constant that an identifier names: of the nearest block around it that declares one of that name. */
function declarationOf(identifier: ts.Identifier): ts.Expression | undefined {
  for (let block: ts.Node = identifier.parent; block; block = block.parent) {
    if (!ts.isBlock(block) && !ts.isSourceFile(block)) continue
    const declarations = block.statements.flatMap((each) =>
      ts.isVariableStatement(each) ? [...each.declarationList.declarations] : []
    )
    const found = declarations.find(({ name }) => name.getText() === identifier.text)
    if (found) return found.initializer
  }
  return undefined
}

/** Rooms whose messages are about environment variables and arguments, which the server and the command say themselves. */
const ofCommands = /^(environment|command|manifest)\//

/**
 * The sentences of these errors, each once, in alphabetical order.
 *
 * @param errors names of their classes
 * @param where what the path of a file below `src/plugin` begins with
 */
export async function sentencesOf(errors: readonly string[], where: readonly string[] = ['']): Promise<string[]> {
  const files = (await readdir('src/plugin', { recursive: true })).filter(
    (path) => path.endsWith('.ts') && !ofCommands.test(path)
  )
  const found = new Set<string>()
  for (const file of files.filter((path) => where.some((start) => path.startsWith(start)))) {
    const source = ts.createSourceFile(file, await readFile(`src/plugin/${file}`, 'utf8'), ts.ScriptTarget.Latest, true)
    const visit = (node: ts.Node): void => {
      const [sentence] = ts.isNewExpression(node) ? (node.arguments ?? []) : []
      if (sentence && ts.isNewExpression(node) && errors.includes(node.expression.getText()))
        for (const text of textsOf(sentence)) found.add(text)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return [...found].filter((text) => text !== '').sort((a, b) => a.localeCompare(b))
}

/** A row for each sentence: what is wrong, and behind the semicolon what to change. */
export function tableOf(sentences: readonly string[]): string {
  const rows = sentences.map((sentence) => {
    const at = sentence.lastIndexOf('; ')
    const parts = at < 0 ? [sentence, ''] : [sentence.slice(0, at), sentence.slice(at + 2)]
    return `| ${parts.map(cell).join(' | ')} |`
  })
  return ['| message | what to change |', '|---|---|', ...rows].join('\n')
}

/** As code where a placeholder is in it, which would be markup otherwise. */
const cell = (text: string) => (text.includes('<') ? `\`${text}\`` : text).replaceAll('|', '\\|')
