/**
 * Has the coverage report count what a file says, all of it, and nothing that `tsx` adds.
 *
 * `tsx` puts a source into its source map only where `NODE_V8_COVERAGE` is set; the report takes a file without one for a single line, and
 * calls it covered. That variable is for the thread of its hooks alone, as Node would measure each process twice.
 */
import { register } from 'node:module'

/**
 * Hooks that are registered later come first, and see what `tsx` made of a file.
 *
 * @param {string} program
 */
const hooksOf = (program) => register(`data:text/javascript,${encodeURIComponent(program)}`)

hooksOf('export const initialize = () => { process.env.NODE_V8_COVERAGE = "yes" }')
if (/\btsx\b/.test([...process.execArgv, process.env.NODE_OPTIONS].join(' '))) {
  // @ts-expect-error: it has no types
  await import('tsx')
  // Branches of its own behind each dynamic import, and calls that name functions, which may stand behind a return. Spaces in their places
  // move nothing that the source map points at.
  hooksOf(String.raw`
    const additions = /\.then\(\w+=>\{const \w+="default";return [^}]+\}\)|(?<=[;}])__name\(\w+,"\w+"\)(?:;|(?=}))/g
    const naming = /var __name=\(target,value\)=>[^;]+;/
    const blank = (source, pattern) => source.replace(pattern, (text) => ' '.repeat(text.length))
    export async function load(url, context, next) {
      const loaded = await next(url, context)
      if (!url.includes('.ts') || url.includes('/node_modules/') || !loaded.source) return loaded
      const own = blank(String(loaded.source), additions)
      return { ...loaded, source: own.includes('__name(') ? own : blank(own, naming) }
    }`)
}
