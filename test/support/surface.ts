/** The public surface of the package as text: what each entry point exports, and every declaration that leads to, without its docs. */
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

/** A source, by its absolute path, in place of the one on the disk. */
export type Overlay = ReadonlyMap<string, string>

/** An entry point of package.json: what users import, and the file of its types, by its absolute path. */
interface Entry {
  readonly specifier: string
  readonly types: string
}

/** As `npm run build` has them, which looks for errors as well; a union's members keep their order whatever else changes. */
const settings: ts.CompilerOptions = {
  ...ts.getParsedCommandLineOfConfigFile('tsconfig.build.json', undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
      throw new Error(String(messageText))
    }
  })?.options,
  ...{ emitDeclarationOnly: true, skipLibCheck: true, noCheck: true, stableTypeOrdering: true }
}

/** Every entry of `exports` that has types. `./package.json` has none. */
export async function entryPoints(): Promise<Entry[]> {
  const { name, exports } = JSON.parse(await readFile('package.json', 'utf8')) as {
    name: string
    exports: Record<string, string | { types: string }>
  }
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === 'string') return []
    return [{ specifier: `${name}${path.slice(1)}`, types: resolve(target.types) }]
  })
}

/** What other programs of this process read already; sources of the package may differ between programs. */
const libraries = new Map<string, ts.SourceFile | undefined>()

/** Declarations, by their absolute paths: what `npm run build` writes, and nothing on the disk. */
function emitDeclarations(roots: readonly string[], overlay: Overlay): Map<string, string> {
  const host = ts.createCompilerHost(settings)
  const read = host.getSourceFile.bind(host)
  host.getSourceFile = (path, languageVersion) => {
    const text = overlay.get(resolve(path))
    if (text !== undefined) return ts.createSourceFile(path, text, languageVersion)
    if (!path.includes('/node_modules/')) return read(path, languageVersion)
    if (!libraries.has(path)) libraries.set(path, read(path, languageVersion))
    return libraries.get(path)
  }
  const declarations = new Map<string, string>()
  const program = ts.createProgram(roots, settings, host)
  program.emit(undefined, (path, text) => declarations.set(resolve(path), text), undefined, true)
  return declarations
}

/** `dist/plugin/index.d.ts` → `src/plugin/index.ts` */
const sourceOf = (types: string) => join('src', relative('dist', types)).replace(/\.d\.ts$/, '.ts')

/** A program of declarations alone: names are followed within the package, and types of other packages are only named. */
function readDeclarations(entry: string, declarations: ReadonlyMap<string, string>): ts.Program {
  const host = ts.createCompilerHost(settings)
  host.getSourceFile = (path, languageVersion) => {
    const text = declarations.get(resolve(path))
    return text === undefined ? undefined : ts.createSourceFile(path, text, languageVersion, true)
  }
  host.fileExists = (path) => declarations.has(resolve(path))
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      const resolvedFileName = resolve(dirname(from), text.replace(/\.js$/, '.d.ts'))
      const isOurs = text.startsWith('.') && declarations.has(resolvedFileName)
      return { resolvedModule: isOurs ? { resolvedFileName, extension: ts.Extension.Dts } : undefined }
    })
  const { types: _, lib: __, ...shared } = settings
  return ts.createProgram([entry], { ...shared, types: [], noLib: true, noEmit: true }, host)
}

const printer = ts.createPrinter({ removeComments: true })

/** What is printed of a declaration: of a variable its statement, without others of the same. */
function printable(declaration: ts.Declaration): ts.Node {
  if (!ts.isVariableDeclaration(declaration)) return declaration
  const list = ts.factory.createVariableDeclarationList([declaration], declaration.parent.flags)
  return ts.factory.createVariableStatement(undefined, list)
}

/** `keyof typeof table`: a table of the package whose keys are public, and whose values are not. */
function tableOfKeys(node: ts.Node): ts.TypeNode | undefined {
  if (!ts.isTypeAliasDeclaration(node) || !ts.isTypeOperatorNode(node.type)) return undefined
  return ts.isTypeQueryNode(node.type.type) ? node.type.type : undefined
}

function print(declaration: ts.Declaration, checker: ts.TypeChecker): string {
  const table = tableOfKeys(declaration)
  if (table && ts.isTypeAliasDeclaration(declaration)) {
    const keys = checker.getPropertiesOfType(checker.getTypeAtLocation(table)).map(({ name }) => `    | '${name}'`)
    return `type ${declaration.name.text} =\n${keys.sort().join('\n')};`
  }
  const text = printer.printNode(ts.EmitHint.Unspecified, printable(declaration), declaration.getSourceFile())
  return text.replace(/^(export )?(declare )?/, '').replaceAll(/import\("\.[^"]*"\)\./g, '')
}

/** Collects declarations of the package, each with whatever it names in turn. */
class Collection {
  /** What is not exported, or not by that name. */
  readonly reached = new Set<ts.Symbol>()
  /** `FastifyRequest from 'fastify'` */
  readonly foreign = new Set<string>()
  readonly #checker: ts.TypeChecker
  readonly #visited = new Set<ts.Node>()

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker
  }

  original(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol
  }

  /** Follows every name in a declaration. */
  follow(node: ts.Node): void {
    if (this.#visited.has(node)) return
    this.#visited.add(node)
    if (ts.isIdentifier(node)) this.#meet(node)
    if (!tableOfKeys(node)) ts.forEachChild(node, (child) => this.follow(child))
  }

  #meet(name: ts.Identifier): void {
    const symbol = this.#checker.getSymbolAtLocation(name)
    if (!symbol) return
    const [alias] = symbol.declarations ?? []
    const original = this.original(symbol)
    for (const declaration of original.declarations ?? []) {
      if (!isOfModule(declaration)) continue
      this.reached.add(original)
      this.follow(declaration)
    }
    if (original.declarations?.length || !alias) return
    const clause = ts.findAncestor(alias, ts.isImportDeclaration)
    if (clause) this.foreign.add(`${name.text} from ${clause.moduleSpecifier.getText()}`)
  }
}

/** Whether it stands in a file by itself, as a member or a type parameter does not. */
function isOfModule(declaration: ts.Declaration): boolean {
  const outer = ts.isVariableDeclaration(declaration) ? declaration.parent.parent.parent : declaration.parent
  return ts.isSourceFile(outer)
}

/** `declare module 'fastify'` and `declare global`: what importing the entry point adds to types of others. */
const augmentationsIn = (file: ts.SourceFile) =>
  file.statements.filter(
    (statement): statement is ts.ModuleDeclaration =>
      ts.isModuleDeclaration(statement) &&
      (ts.isStringLiteral(statement.name) || (statement.flags & ts.NodeFlags.GlobalAugmentation) !== 0)
  )

function report({ specifier, types }: Entry, declarations: ReadonlyMap<string, string>): string {
  const program = readDeclarations(types, declarations)
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(types)
  const module = file && checker.getSymbolAtLocation(file)
  if (!module) throw new Error(`${specifier}: ${types} is no module`)
  const found = new Collection(checker)
  const exported = checker
    .getExportsOfModule(module)
    .map((symbol) => ({ name: symbol.name, of: found.original(symbol) }))
  const own = new Set(exported.flatMap(({ name, of }) => (of.name === name ? [of] : [])))
  const augmentations = program.getSourceFiles().flatMap(augmentationsIn)
  for (const each of [...exported.flatMap(({ of }) => of.declarations ?? []), ...augmentations]) found.follow(each)
  const textOf = (symbol: ts.Symbol) => (symbol.declarations ?? []).map((each) => print(each, checker))
  const aliases = exported.filter(({ name, of }) => name !== of.name)
  const parts: [title: string, pieces: string[]][] = [
    ['Exports', [...own].flatMap(textOf).map((text) => `export ${text}`)],
    ['Exports under another name', aliases.map(({ name, of }) => `export { ${of.name} as ${name} }`)],
    ['Added to other modules', augmentations.map((each) => `declare ${print(each, checker)}`)],
    ['Not exported, but named above', [...found.reached].filter((symbol) => !own.has(symbol)).flatMap(textOf)],
    ['Of other packages', [...found.foreign]]
  ]
  const sections = parts.map(([title, pieces]) => {
    const lines = [...new Set(pieces)].sort((a, b) => (a < b ? -1 : 1))
    return lines.length === 0 ? '' : `\n## ${title}\n\n\`\`\`ts\n${lines.join('\n')}\n\`\`\`\n`
  })
  return `# ${specifier}\n${sections.join('')}`
}

/** The report of each entry point, by what users import. */
export async function surface(overlay: Overlay = new Map()): Promise<Map<string, string>> {
  const entries = await entryPoints()
  const declarations = emitDeclarations(
    entries.map(({ types }) => sourceOf(types)),
    overlay
  )
  return new Map(entries.map((entry) => [entry.specifier, report(entry, declarations)]))
}
