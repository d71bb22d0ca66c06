/** The compiler, in one process for many programs: what they share is read once. */
import ts from 'typescript'

const shared = new Map<string, ts.SourceFile | undefined>()

/**
 * Compiles what a `tsconfig.json` would describe in a folder, with texts in place of files, or beside them.
 *
 * @returns errors, one in a line, as `tsc` prints them
 */
export function compile(folder: string, config: object, texts: Readonly<Record<string, string>>): string {
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, folder)
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => Object.hasOwn(texts, path) || fileExists(path)
  host.readFile = (path) => texts[path] ?? readFile(path)
  host.getSourceFile = (path, ...how) => {
    if (Object.hasOwn(texts, path)) return getSourceFile(path, ...how)
    if (!shared.has(path)) shared.set(path, getSourceFile(path, ...how))
    return shared.get(path)
  }
  const program = ts.createProgram([...new Set([...fileNames, ...Object.keys(texts)])], options, host)
  return ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => folder,
    getNewLine: () => '\n'
  })
}
