/** A golden file: what the verifier said of each token, kept with the code. `GOLDEN=write` writes it anew. */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import type { Test } from 'tap'
import { TokenRefusedError, type Verifier } from '../../src/plugin/verifier-index.js'

/** Answers by what they answer: the code of a refusal, or a digest of the principal. */
export type Golden = Readonly<Record<string, string | readonly string[]>>

/** A token's answer. `stable` takes out of a principal what differs from run to run. */
export async function answerTo(
  token: string,
  { verify }: Verifier,
  stable: (principal: string) => string
): Promise<string> {
  try {
    return digestOf(stable(JSON.stringify(await verify({ scheme: 'Bearer', token }))))
  } catch (error) {
    if (error instanceof TokenRefusedError) return error.code
    throw error
  }
}

/** A principal without what its tokens have anew each time: times and identifiers. */
export const withoutTimes = (principal: string): string =>
  principal.replace(/"(iat|nbf|exp|expiresAt|auth_time|uti|jti|aio|rh|sid)":("[^"]*"|[\d.]+(e\+\d+)?),?/g, '')

/** Refusals that no check of the token makes: what its caller may do, with the options at hand. */
const notExplained = ['tenant_not_allowed']

/** What `explain` says of the token that got this answer; a failure where it is something else. */
export async function explained(token: string, answer: string, { explain }: Verifier): Promise<string> {
  const { code = 'ok' } = await explain(token)
  const [wanted = ''] = answer.split(' ')
  if (code === wanted || (code === 'ok' && notExplained.includes(wanted))) return answer
  throw new Error(`verify says ${wanted}, explain ${code}: ${JSON.stringify(await explain(token))}`)
}

/** Enough to tell principals apart, and short enough for ten thousand. */
const digestOf = (principal: string) => `ok ${createHash('sha256').update(principal).digest('hex').slice(0, 10)}`

/** Compares with the file, and names each answer that changed. */
export async function checkGolden(t: Test, name: string, found: Golden): Promise<void> {
  const path = `test/golden/${name}.json`
  if (process.env.GOLDEN === 'write') await writeFile(path, `${JSON.stringify(found, null, 2)}\n`)
  const golden = JSON.parse(await readFile(path, 'utf8')) as Golden
  const before = new Map(flat(golden))
  const changed = flat(found).filter(([what, is]) => before.get(what) !== is)
  t.same(
    changed.map(([what, is]) => `${what}: ${before.get(what)} → ${is}`),
    []
  )
  t.equal(flat(found).length, before.size, 'as many tokens')
}

const flat = (golden: Golden) =>
  Object.entries(golden).flatMap(([what, answers]) =>
    [answers].flat().map((answer, at): [string, string] => [`${what} ${at}`, answer])
  )
