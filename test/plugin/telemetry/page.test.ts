/** docs/telemetry.md: the table of metrics is that of the code, alerts use metrics that exist, and each has a section. `DOCS=write` writes the table. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { type MetricName, metrics } from '../../../src/plugin/telemetry/metrics.js'
import { prometheusName } from '../../../src/plugin/telemetry/prometheus.js'
import { startTenant } from '../../../src/tenant/index.js'
import { get } from '../../support/http.js'
import { skipWithout } from '../../support/programs.js'
import { compileSamples, pointedAt, runSamples, samplesIn } from '../../support/samples.js'
import { appToken } from '../../tenant/helpers.js'

const page = 'docs/telemetry.md'
const rules = 'deploy/prometheus/alerts.yaml'

const code = (text: string) => `\`${text}\``
const rows = Object.entries(metrics).map(([name, { kind, unit, description, attributes }]) =>
  ['', code(name), kind, code(unit), attributes.map(code).join(', ') || 'none', description, ''].join(' | ').trim()
)
const table = ['| metric | kind | unit | attributes | what it says |', '|---|---|---|---|---|', ...rows].join('\n')

t.test('the table of metrics', async (t) => {
  const text = await readFile(page, 'utf8')
  const [before = '', rest = ''] = text.split(/(?<=<!-- written by its test[^\n]+\n\n)/)
  const whole = `${before}${table}${rest.slice(rest.indexOf('\n\n'))}`
  if (process.env.DOCS === 'write') await writeFile(page, whole)
  t.equal(await readFile(page, 'utf8'), whole)
})

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[]
}

t.test('alerts: of metrics that exist, each with a section of the page', async (t) => {
  const text = await readFile(page, 'utf8')
  const names = Object.keys(metrics).map((name) => prometheusName(name as MetricName))
  const { groups } = parse(await readFile(rules, 'utf8')) as Rules
  const alerts = groups.flatMap((group) => group.rules)
  for (const { alert, expr } of alerts) {
    for (const [metric] of expr.matchAll(/fastify_entra_\w+(?=[{[ ]|$)/gm))
      t.ok(names.includes(metric.replace(/_(count|sum|bucket)$/, '')) || names.includes(metric), `${alert}: ${metric}`)
    t.match(text, `\n### ${alert}\n`, alert)
  }
})

t.test(
  'promtool: the rules fire when they should, and not when all is well',
  { skip: skipWithout('promtool') },
  async (t) => {
    const { stdout } = await promisify(execFile)('promtool', ['test', 'rules', 'deploy/prometheus/alerts.test.yaml'])
    t.match(stdout, 'SUCCESS')
  }
)

t.test('the samples compile, run, and measure', async (t) => {
  const samples = samplesIn(await readFile(page, 'utf8'), 'ts')
  t.equal(samples.length, 2)
  const compiled = await compileSamples(
    t,
    samples.map((sample) => `${sample}export { app }\n`)
  )
  t.equal(compiled.said, '')
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const [prometheus] = await runSamples(t, compiled, (program) => pointedAt(tenant, program))
  t.equal((await get(`${prometheus}/metrics`)).status, 401)
  const answer = await get(`${prometheus}/metrics`, await appToken(tenant, 'daemon'))
  t.match(answer.body, /\nfastify_entra_verifications_total\{[^}]*credentials_missing[^}]*\} 1\n/)
})
