#!/usr/bin/env node
/** The command `fastify-entra`. A subcommand, and what it needs, is loaded when it runs. */
import { run } from './run.js'

const { exitCode, out, err } = await run(process.argv.slice(2), process.env, async () =>
  (await import('./token-input.js')).readInput(process.stdin)
)
process.stdout.write(out)
process.stderr.write(err)
process.exitCode = exitCode
