/** What a subcommand returns: the process does nothing but write it and end. */
import { parseArgs } from 'node:util'
import { escapeInvisible } from '../lib/logged-text.js'

/** 0: nothing to change. 1: something is wrong. 2: the command could not be carried out, and says why. */
export interface Outcome {
  readonly exitCode: 0 | 1 | 2
  /** For the standard output. */
  readonly out: string
  /** For the standard error output. */
  readonly err: string
}

/** Why a subcommand could not be carried out, in one sentence: exit status 2. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
}

/** Where a subcommand runs. */
export interface World {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads the standard input to its end. */
  readonly input: () => Promise<string>
}

/** Lines of text. Characters that a terminal obeys, or that hide others, are escaped: a token, or a route, may have been made to contain them. */
export function lines(texts: readonly string[]): string {
  return texts.map((text) => `${escapeInvisible(text)}\n`).join('')
}

/** JSON, with the same characters escaped as JSON has it: JSON itself escapes C0 controls only (RFC 8259 §7). */
export function json(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, inUnits)
  return `${text}\n`
}

/** UTF-16 code units. */
const inUnits = (character: string) =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')

/** The options of a subcommand. */
export type OptionTypes = Readonly<Record<string, { readonly type: 'boolean' | 'string' }>>

/** The values of options, each absent where it was not given. */
export type OptionValues<Types extends OptionTypes> = {
  readonly [Name in keyof Types]?: Types[Name]['type'] extends 'boolean' ? boolean : string
}

/**
 * Parses arguments.
 *
 * @param usage one sentence, for the message
 * @throws CommandFailure for what is unknown, and for a positional argument too many or too few
 */
export function parsed<const Types extends OptionTypes>(args: readonly string[], options: Types, usage: Usage) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: usage.positionals > 0 })
    const { positionals: most, least = most } = usage
    if (positionals.length >= least && positionals.length <= most)
      return { values: values as OptionValues<Types>, positionals }
  } catch {
    // The sentence of parseArgs would show the argument, which may be a token.
  }
  throw new CommandFailure(usage.text)
}

/** How a subcommand is called. */
export interface Usage {
  readonly text: string
  /** The number of arguments that are no options. */
  readonly positionals: number
  /** How many of them are required. Default: all */
  readonly least?: number
}
