/** What `explain` found, as lines for a terminal. */
import type { CheckResult, Explanation } from '../explain.js'
import type { Fact } from './facts.js'

/** What the subcommand found out. */
export interface Finding extends Explanation {
  /** HTTP status code of the refusal; absent where no check fails. */
  readonly status?: number
  /** What to change; absent where no check fails. */
  readonly change?: string
  readonly signatureChecked: boolean
  readonly facts: readonly Fact[]
  /** Why keys could not be fetched, one line for each issuer. */
  readonly outages: readonly string[]
}

const noKey = 'No key of a trusted issuer fits it.'

/** The answer first, then what the token is, then each check. */
export function reportOf(
  { code, status, change, signatureChecked, facts, checks, outages }: Finding,
  isOnline: boolean
): readonly string[] {
  const answer = code
    ? [`A request with this token gets ${status} ${code}.`, change].join(' ').trimEnd()
    : 'No check refuses this token. A 403 then comes from a guard of the route: compare the detail of that response with what the token has, below.'
  const warning = signatureChecked
    ? []
    : [
        `THE SIGNATURE WAS NOT CHECKED: anybody could have written this token. ${isOnline ? noKey : 'Add --online to check it.'}`
      ]
  const width = Math.max(...facts.map(({ name }) => name.length))
  return [
    answer,
    ...(outages.length > 0 ? outages : warning),
    '',
    ...facts.map(({ name, value }) => `${name.padEnd(width)}  ${value}`),
    '',
    ...checks.map(lineOf)
  ]
}

function lineOf({ id, outcome, expected, found, code, detail }: CheckResult): string {
  const name = id.padEnd(20)
  if (outcome === 'passed') return `passes     ${id}`
  if (outcome === 'undecided') return `undecided  ${name} expects ${expected}`
  const found_ = found === undefined ? '' : `; found ${found}`
  return `FAILS      ${name} expected ${expected}${found_}. ${code && `${code}: `}${detail}`
}
