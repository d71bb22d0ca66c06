/** Sentences of the library's errors, read from its source: for the tables of `docs/errors.md`. */
import { readdir, readFile } from 'node:fs/promises'
import ts from 'typescript'

type Constants = ReadonlyMap<string, string>

/** A text of the source as a reader sees it: what is only known when it runs is `…`. */
function textOf(node: ts.Expression, constants: Constants): string {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isIdentifier(node)) return constants.get(node.text) ?? '…'
  if (ts.isBinaryExpression(node)) return textOf(node.left, constants) + textOf(node.right, constants)
  if (!ts.isTemplateExpression(node)) return '…'
  const spans = node.templateSpans.flatMap(({ expression, literal }) => [textOf(expression, constants), literal.text])
  return [node.head.text, ...spans].join('')
}

/** `const fix = '…'`, where a file has one of that name. */
function constantsIn(source: ts.SourceFile): Constants {
  const found = new Map<string, string[]>()
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) {
      const text = textOf(node.initializer, new Map())
      found.set(node.name.text, [...(found.get(node.name.text) ?? []), text])
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return new Map([...found].flatMap(([name, [text = '…', ...more]]) => (more.length === 0 ? [[name, text]] : [])))
}

/**
 * The sentences of these errors, each once, in alphabetical order.
 *
 * @param errors names of their classes
 * @param where what the path of a file below `src/plugin` begins with
 */
export async function sentencesOf(errors: readonly string[], where: readonly string[] = ['']): Promise<string[]> {
  const files = (await readdir('src/plugin', { recursive: true })).filter((path) => path.endsWith('.ts'))
  const found = new Set<string>()
  for (const file of files.filter((path) => where.some((start) => path.startsWith(start)))) {
    const source = ts.createSourceFile(file, await readFile(`src/plugin/${file}`, 'utf8'), ts.ScriptTarget.Latest, true)
    const constants = constantsIn(source)
    const visit = (node: ts.Node): void => {
      const [sentence] = ts.isNewExpression(node) ? (node.arguments ?? []) : []
      if (sentence && ts.isNewExpression(node) && errors.includes(node.expression.getText()))
        found.add(textOf(sentence, constants).replace(/…( ?…)+/g, '…'))
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return [...found].filter((text) => text !== '…').sort((a, b) => a.localeCompare(b))
}

/** A row for each sentence: what is wrong, and behind the semicolon what to change. */
export function tableOf(sentences: readonly string[]): string {
  const rows = sentences.map((sentence) => {
    const at = sentence.lastIndexOf('; ')
    const parts = at < 0 ? [sentence, ''] : [sentence.slice(0, at), sentence.slice(at + 2)]
    return `| ${parts.map((part) => part.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| message | what to change |', '|---|---|', ...rows].join('\n')
}
