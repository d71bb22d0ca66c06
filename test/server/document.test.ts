import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openapiFile } from '../../src/server/openapi-file.js'

t.test('openapi.yaml is what the routes say; `npm run openapi` rewrites it', async (t) => {
  t.equal(await readFile('openapi.yaml', 'utf8'), await openapiFile())
})
