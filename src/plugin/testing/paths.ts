/** A path for the pattern of a route (Fastify: "Url building"). */

/** Tried in turn where a parameter has a pattern of its own. */
const samples = ['1', 'a', '00000000-0000-4000-8000-000000000000', '2026-01-31', 'a-1', 'a.txt']

/** Paths that may match the pattern, the likeliest first. */
export function pathsFor(pattern: string): readonly string[] {
  const all = samples.map((sample) => filled(pattern, sample))
  return [...new Set(all)]
}

/** `:name`, `:name(pattern)`, `:name?` and `*` filled in; `::` is a colon. */
function filled(pattern: string, sample: string): string {
  let path = ''
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at)
    if (rest.startsWith('::')) {
      path += ':'
      at += 2
    } else if (rest.startsWith(':')) {
      const end = pattern.length - rest.replace(/^:\w*/, '').length
      at = end + lengthOfParentheses(pattern.slice(end))
      if (pattern[at] === '?') at += 1
      path += sample
    } else {
      path += rest.startsWith('*') ? sample : rest[0]
      at += 1
    }
  }
  return path
}

/** Of a regular expression in parentheses, with those in it; 0 if there is none. */
function lengthOfParentheses(text: string): number {
  if (!text.startsWith('(')) return 0
  let open = 0
  const end = text.split('').findIndex((character) => {
    open += character === '(' ? 1 : character === ')' ? -1 : 0
    return open === 0
  })
  return end + 1
}
