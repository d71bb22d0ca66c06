/** A source file as a process of its own: compiled as the tests are, so that its coverage counts as theirs. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Test } from 'tap'

export interface Running {
  process: ChildProcess
  output: { out: string; err: string }
  /** Resolves when the output has what is waited for, or the process has ended. */
  printed(what: RegExp): Promise<RegExpExecArray | null>
}

/** Without the server's own settings, which a developer may have in the shell. */
const settings =
  /^(ENTRA_|KEYS_|OIDC_)|^(HOST|PORT|TENANT_PORT|TENANT_TLS|SPA_PORT|MCP_PORT|LOG_LEVEL|METRICS|DOCS|DOCS_CLIENT_ID|CORS_ORIGINS|GRAPH_URL|TRUST_PROXY|REDIS_URL|ISSUERS_FILE|MAX_HEADER_BYTES|SHUTDOWN_DELAY_SECONDS|RATE_LIMIT|RATE_LIMIT_BY|BAD_TOKEN_LIMIT|CLOCK_TOLERANCE_SECONDS)$/
/** The environment of this process, without such settings. */
export const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.test(name)))

/** What `npm run dev` serves beside what a test is about must not meet that of another test. */
const anyPort = { SPA_PORT: '0', MCP_PORT: '0' }

/** Runs an entry point until it ends, or the test does. */
export function run(t: Test, entry: string, env: Record<string, string> = {}, ...args: string[]): Running {
  const child = spawn(process.execPath, [...process.execArgv, entry, ...args], {
    env: { ...inherited, ...anyPort, ...env }
  })
  t.teardown(() => child.kill('SIGKILL'))
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    output.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.err += chunk
  })
  return {
    process: child,
    output,
    async printed(what) {
      while (!what.test(output.out) && child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => setTimeout(resolve, 50))
      return what.exec(output.out)
    }
  }
}

/** Arguments of `env` for a program as users run it: tap would have each child load what follows its coverage, and two forms of one file do not add up. */
export const unwatched = ['-u', 'NODE_OPTIONS', '-u', 'NODE_V8_COVERAGE'] as const
