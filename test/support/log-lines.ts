/** What the library and the server write to the log, read from their sources. */
import { readdir, readFile } from 'node:fs/promises'
import ts from 'typescript'

/** Commands and `npm run dev` write to a terminal; tests of applications have no log. */
const withoutLog = /^(plugin\/(command|testing)\/|server\/(dev|manifest))/

/** The message of a call that writes to a log is its last argument. */
function messageOf(call: ts.CallExpression): string | undefined {
  const { expression: target } = call
  const isLog =
    ts.isPropertyAccessExpression(target) &&
    /^(info|warn|error|fatal)$/.test(target.name.text) &&
    /\blog\??$/.test(target.expression.getText())
  const message = isLog ? call.arguments.at(-1) : undefined
  if (!message) return undefined
  if (ts.isStringLiteralLike(message)) return message.text
  if (ts.isTemplateExpression(message)) return `${message.head.text}…`
  const text = constants(message.getSourceFile()).get(message.getText())
  return text ?? `= ${message.getText()}`
}

/** The texts that a file's own constants name. */
const constants = (file: ts.SourceFile) =>
  new Map(
    file.statements
      .flatMap((each) => (ts.isVariableStatement(each) ? [...each.declarationList.declarations] : []))
      .flatMap(({ name, initializer }) =>
        initializer && ts.isStringLiteralLike(initializer) ? [[name.getText(), initializer.text] as const] : []
      )
  )

/** Each message once. One that begins with `= ` is an expression. */
export async function logLines(): Promise<string[]> {
  const found = new Set<string>()
  const files = await readdir('src', { recursive: true })
  for (const file of files.filter((path) => /^(plugin|server)\/.*\.ts$/.test(path) && !withoutLog.test(path))) {
    const source = ts.createSourceFile(file, await readFile(`src/${file}`, 'utf8'), ts.ScriptTarget.Latest, true)
    const visit = (node: ts.Node): void => {
      const message = ts.isCallExpression(node) ? messageOf(node) : undefined
      if (message !== undefined) found.add(message)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return [...found].sort()
}
