#!/usr/bin/env node
/** The command `fastify-entra`. A subcommand, and what it needs, is loaded when it runs. */
import { text } from 'node:stream/consumers'
import { run } from './run.js'

const { exitCode, out, err } = await run(process.argv.slice(2), process.env, () => text(process.stdin))
process.stdout.write(out)
process.stderr.write(err)
process.exitCode = exitCode
