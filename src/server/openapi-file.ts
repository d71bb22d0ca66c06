/** `npm run openapi`: writes the OpenAPI document of the routes to a file, with the embedded tenant's endpoints as examples. */
import { writeFile } from 'node:fs/promises'
import { startTenant } from '../tenant/index.js'
import { buildApp } from './app.js'
import { readConfig } from './config/config.js'
import { openapiYaml } from './document.js'
import { environmentFor } from './environment.js'

/** The embedded tenant's address under `npm run dev`; here it uses any free port. */
const usualOrigin = 'http://127.0.0.1:4000'

const tenant = await startTenant({ port: 0 })
const app = await buildApp(readConfig({ ...environmentFor(tenant), LOG_LEVEL: 'silent' }))
await app.ready()
await writeFile(String(process.argv[2]), openapiYaml(app).replaceAll(tenant.origin, usualOrigin))
await app.close()
await tenant.close()
