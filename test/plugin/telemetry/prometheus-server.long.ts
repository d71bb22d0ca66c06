/**
 * A real Prometheus scrapes the server through a flood of forged tokens, an outage of the tenant and a rotation of its keys. Every query of
 * the dashboard gets an answer, and the answers show what happened. `PLOT=write` draws them into docs/images/telemetry.svg.
 */
import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../../faults/waits.js'
import { clientCertificate } from '../../support/certificate.js'
import { get } from '../../support/http.js'
import { plot, type Series } from '../../support/plot.js'
import { skipWithout } from '../../support/programs.js'
import { freePort } from '../../support/redis.js'
import { startServer } from '../../support/server.js'
import { clientId, signingKey, startTestTenant, tenantId } from '../../support/tenant.js'

interface Answer {
  readonly status: string
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>
      readonly values: readonly (readonly [seconds: number, value: string])[]
    }[]
  }
}

/** Starts it; `query` asks for the values of an expression since the start. */
async function startPrometheus(t: Test, target: string) {
  const port = await freePort()
  const folder = t.testdir({
    'prometheus.yml': JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      scrape_configs: [{ job_name: 'api', static_configs: [{ targets: [new URL(target).host] }] }]
    })
  })
  const args = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`
  ]
  const child = spawn('prometheus', args, { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const origin = `http://127.0.0.1:${port}`
  await until('Prometheus', () =>
    fetch(`${origin}/-/ready`).then(
      ({ ok }) => ok,
      () => false
    )
  )
  const start = Date.now() / 1000
  return async (expression: string): Promise<Answer> => {
    const query = new URLSearchParams({
      query: expression.replaceAll('$__rate_interval', '5s'),
      ...{ start: String(start), end: String(Date.now() / 1000), step: '1' }
    })
    return (await (await fetch(`${origin}/api/v1/query_range?${query}`)).json()) as Answer
  }
}

const numbersOf = ({ data }: Answer) => data.result.flatMap(({ values }) => values.map(([, value]) => Number(value)))
const highest = (answer: Answer) => Math.max(0, ...numbersOf(answer))

t.test('a flood, an outage and a rotation', { skip: skipWithout('prometheus'), timeout: 240_000 }, async (t) => {
  const tenant = await startTestTenant(t)
  const app = await startServer(t, {
    ...{ ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin, METRICS: 'public' },
    ENTRA_CLIENT_CERTIFICATE: join(t.testdir({ 'api.pem': (await clientCertificate()).pem }), 'api.pem'),
    ...{ KEYS_REFRESH_SECONDS: '1', KEYS_COOLDOWN_SECONDS: '1', KEYS_TIMEOUT_SECONDS: '1' }
  })
  const address = app.listeningOrigin
  const query = await startPrometheus(t, address)
  const good = await tenant.userToken()
  const forged = `${good.slice(0, -8)}AAAAAAAA`
  const phases: [name: string, at: number][] = []
  const phase = (name: string) => void phases.push([name, Date.now() / 1000])
  /** Sends tokens until the answers of Prometheus show it. */
  const send = async (what: string, tokens: () => readonly string[], isSeen: () => Promise<boolean>) => {
    await until(what, async () => {
      for (const token of tokens()) await get(`${address}/protected`, token)
      return isSeen()
    })
  }
  const rate = (labels: string) => `sum(rate(fastify_entra_verifications_total{${labels}}[5s]))`
  phase('usual')
  await send(
    'usual traffic',
    () => [good, good, good],
    async () => highest(await query(rate('fastify_entra_outcome="accepted"'))) > 0
  )
  phase('flood')
  const flood = Array.from({ length: 50 }, () => forged)
  await send(
    'the flood',
    () => [good, ...flood],
    async () => highest(await query(rate('error_type="invalid_signature"'))) > 10
  )
  phase('outage')
  await tenant.close()
  const failing = 'sum(rate(fastify_entra_fetch_duration_seconds_count{error_type!=""}[5s]))'
  await send(
    'the outage',
    () => [good],
    async () => highest(await query(failing)) > 0 && highest(await query('fastify_entra_keys_age_seconds')) > 4
  )
  phase('rotation')
  const next = await signingKey('key-next')
  tenant.keys.push(next.jwk)
  await tenant.listen()
  const renewed = await tenant.userToken({}, {}, next)
  await send(
    'the rotation',
    () => [renewed],
    async () => highest(await query('fastify_entra_keys_count')) >= 2
  )
  t.equal((await get(`${address}/protected`, renewed)).status, 200)
  const dashboard = JSON.parse(await readFile('deploy/grafana/dashboard.json', 'utf8')) as Dashboard
  const drawn: [title: string, series: Series[]][] = []
  for (const { title, targets } of dashboard.panels) {
    const series: Series[] = []
    for (const { expr, legendFormat } of targets) {
      const answer = await query(expr)
      t.equal(answer.status, 'success', `${title}: ${expr}`)
      // Nothing is looked up here.
      if (!/lookup|circuit/i.test(title)) t.ok(numbersOf(answer).length > 0, `${title} has values`)
      series.push(
        ...answer.data.result.map(({ metric, values }) => ({
          name: legendFormat.replace(/\{\{(\w+)\}\}/g, (_whole, label: string) => metric[label] ?? '').trim(),
          points: values.map(([at, value]) => [at, Number(value)] as const)
        }))
      )
    }
    drawn.push([title, series])
  }
  if (process.env.PLOT === 'write') await writeFile('docs/images/telemetry.svg', plot(drawn, phases))
})

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[]
  }[]
}
