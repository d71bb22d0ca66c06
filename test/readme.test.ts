/** The code of the README and of its pages is compiled as a reader would: strict, against the built package. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { compileSamples, samplesIn } from './support/samples.js'

t.test('every TypeScript sample compiles', async (t) => {
  const pages = await Promise.all(['README.md', 'docs/downstream.md'].map((page) => readFile(page, 'utf8')))
  const samples = samplesIn(pages.join('\n'), 'ts')
  t.ok(samples.length > 0, 'there are samples')
  t.equal((await compileSamples(t, samples)).said, '')
})
