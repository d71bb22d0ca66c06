/** Builds the API, and prints which packages were loaded for it that are CommonJS, as ioredis is. */
import { createRequire } from 'node:module'
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config/config.js'

const app = await buildApp(readConfig(process.env))
await app.ready()
await app.close()
const files = Object.keys(createRequire(import.meta.url).cache)
const packages = files.flatMap((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [])
process.stdout.write(JSON.stringify([...new Set(packages)]))
