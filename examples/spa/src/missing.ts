/** What a token lacks, from the sentence of the API: `This route requires …; missing: …` */

export interface Missing {
  readonly title: string
  readonly items: readonly string[]
}

const sentence =
  /^This route requires (?<required>.+?); (?:missing: (?<missing>.+?)|the token does not satisfy that)\.(?: |$)/

/** The parts that are missing; none where the sentence is of another kind. */
export function missingIn(detail: string): Missing {
  const { required = '', missing = required } = { ...sentence.exec(detail)?.groups }
  // With parentheses, the parts depend on each other.
  const alternatives = missing.includes('(') ? [missing] : missing.split(', or ')
  if (alternatives.length > 1) return { title: 'Missing, one of these:', items: alternatives }
  const items = missing.includes('(') ? [missing] : missing.split(', and ')
  return { title: 'Missing:', items: items.filter((item) => item !== '') }
}
