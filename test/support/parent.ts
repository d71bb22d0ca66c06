/** Stands in for npm's shell: runs an entry point, and does not hand signals on. */
import { spawn } from 'node:child_process'

spawn(process.execPath, [...process.execArgv, ...process.argv.slice(2)], { stdio: 'inherit' })
