/** Chromium, as a test drives it: a fresh profile for each test, and no complaint of the browser goes unnoticed. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import axe from 'axe-core'
import {
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type LaunchOptions,
  type Page
} from 'playwright-core'
import type { Test } from 'tap'
import { skipWithout } from './programs.js'

/** What to give tap's `skip` for a test in a browser. */
export const noChromium = skipWithout('chromium')

export interface PageOptions extends BrowserContextOptions {
  /** Complaints that the test means to cause, such as Chromium's line for a refused request. */
  readonly expected?: readonly RegExp[]
}

/** Opens an empty page in a profile of its own, which ends with its test; a complaint that is not expected fails the test. */
export type OpenPage = (t: Pick<Test, 'teardown'>, options?: PageOptions) => Promise<Page>

/** One Chromium for a test file: starts with the first page, and ends with the test that is given. */
export function browserOf(t: Test, options: LaunchOptions = {}): OpenPage {
  let started: ReturnType<typeof launch> | undefined
  t.teardown(async () => (await started)?.close())
  return async (t, { expected = [], ...profile } = {}) => {
    started ??= launch(options)
    const context = await (await started).newContext(profile)
    const complaints = complaintsOf(context)
    t.teardown(async () => {
      await context.close()
      const unexpected = complaints.filter((text) => !expected.some((pattern) => pattern.test(text)))
      if (unexpected.length > 0) throw new Error(`the browser complained:\n${unexpected.join('\n')}`)
    })
    return context.newPage()
  }
}

/** Everything that any page of the profile logs as an error, as it comes: exceptions, failed loads, and all that a policy forbids. */
export function complaintsOf(context: BrowserContext): readonly string[] {
  const complaints: string[] = []
  context.on('weberror', (error) => complaints.push(String(error.error())))
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`)
  })
  return complaints
}

/** What axe-core finds serious or critical on a page: the rule, and the elements that break it. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source) // not as a script of the page, which its policy would forbid
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

interface AxeResults {
  readonly violations: readonly { id: string; impact: string | null; nodes: readonly { html: string }[] }[]
}

/** Chromium's sandbox needs a user who is not root (Chromium: "Linux sandboxing"); what it loads here is our own. */
function launch(options: LaunchOptions) {
  return chromium.launch({ executablePath: pathOf('chromium'), chromiumSandbox: process.getuid?.() !== 0, ...options })
}

function pathOf(program: string): string {
  const paths = String(process.env.PATH)
    .split(delimiter)
    .map((directory) => join(directory, program))
  return String(paths.find(isProgram))
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
