/** The token in what somebody pasted. */
import { ownMember } from '../lib/own.js'
import { CommandFailure } from './outcome.js'

/** Far more than a header can hold. */
const maxCharacters = 1_000_000

/** All that somebody pasted, or the first part of what is too long for a token. */
export async function readInput(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of input) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > maxCharacters) break
  }
  return Buffer.concat(chunks).toString()
}

/**
 * One token: alone, in quotes, behind `Bearer` or `Authorization: Bearer`, or as `access_token` in the JSON of a token endpoint (RFC 6749
 * §5.1).
 *
 * @throws CommandFailure which says nothing of what was found there
 */
export function tokenIn(input: string): string {
  if (input.length > maxCharacters)
    throw new CommandFailure('the standard input is too long for a token; give one token')
  const text = fromJson(input.trim()) ?? input.trim()
  const token = text.replace(/^["']?(?:authorization\s*:\s*)?(?:bearer\s+)?/i, '').replace(/["']$/, '')
  if (token === '') throw new CommandFailure('the standard input has no token; pipe one into the command')
  if (!/\s/.test(token)) return token
  throw new CommandFailure('the standard input has more than one token, or other text; give one token')
}

function fromJson(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const token = ownMember(JSON.parse(text), 'access_token')
    return typeof token === 'string' ? token : undefined
  } catch {
    return undefined
  }
}
