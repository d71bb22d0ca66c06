import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../support/process.js'

t.test('openapi.yaml is what the routes say; `npm run openapi` rewrites it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'openapi-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'openapi.yaml')
  await once(run(t, 'src/server/openapi-file.ts', {}, path).process, 'close')
  t.equal(await readFile('openapi.yaml', 'utf8'), await readFile(path, 'utf8'))
})
