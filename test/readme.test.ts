/** The README's code is compiled as a reader would: strict, against the built package. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { compileSamples, samplesIn } from './support/samples.js'

t.test('every TypeScript sample compiles', async (t) => {
  const samples = samplesIn(await readFile('README.md', 'utf8'), 'ts')
  t.ok(samples.length > 0, 'there are samples')
  t.equal((await compileSamples(t, samples)).said, '')
})
