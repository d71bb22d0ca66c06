/** deploy/kubernetes: valid, for the server and the image as they are, and closed to what the API does not need. */
import { readFile } from 'node:fs/promises'
import { Deployment } from 'kubernetes-models/apps/v1'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1'
import type { IService } from 'kubernetes-models/v1'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { toSettings } from '../../src/plugin/options.js'
import { readConfig } from '../../src/server/config/config.js'
import { compileSamples } from '../support/samples.js'
import { serverVariables } from './files.js'
import { faultOf, type Manifest, manifests, typed } from './manifests.js'

const all = await manifests()
const get = <T>(kind: string) => all.get(kind) as T & Manifest
const deployment = new Deployment(get<ConstructorParameters<typeof Deployment>[0]>('Deployment') as never)
const template = deployment.spec?.template
const pod = template?.spec
const [container, ...others] = pod?.containers ?? []
const dockerfile = await readFile('Dockerfile', 'utf8')
const inDockerfile = (pattern: RegExp) => pattern.exec(dockerfile)?.[1]

/** The container's variables, with those that AKS adds and an operator's own values. */
function environment(): Record<string, string> {
  const placeholders: Record<string, string> = {
    '<tenant ID>': '11111111-2222-4333-8444-555555555555',
    '<client ID>': '66666666-7777-4888-8999-aaaaaaaaaaaa'
  }
  const own = (container?.env ?? []).map(({ name, value, valueFrom }) => {
    const secret = valueFrom?.secretKeyRef && 'rediss://:password@redis.example:6380/0'
    return [name, secret ?? placeholders[String(value)] ?? String(value)] as const
  })
  const annotation = (name: string) =>
    placeholders[String(all.get('ServiceAccount')?.metadata.annotations?.[`azure.workload.identity/${name}`])] ?? ''
  return {
    ...Object.fromEntries(own),
    AZURE_CLIENT_ID: annotation('client-id'),
    AZURE_TENANT_ID: annotation('tenant-id'),
    AZURE_FEDERATED_TOKEN_FILE: '/var/run/secrets/azure/tokens/azure-identity-token'
  }
}

/** A copy of the deployment, with text of it replaced. */
function changed(t: Test, before: string, after: string): Manifest {
  const text = JSON.stringify(all.get('Deployment'))
  t.ok(text.includes(before), before)
  return JSON.parse(text.replace(before, after))
}

t.test('each document is valid, and a broken one is not', async (t) => {
  t.same([...all.keys()].sort(), ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceAccount'])
  for (const manifest of all.values()) t.equal(faultOf(manifest), '', manifest.kind)
  const broken: [before: string, after: string, fault: RegExp][] = [
    ['"memory":"512Mi"', '"memory":"512 MB"', /memory must match format/],
    ['"runAsNonRoot":true', '"runAsNonRoot":"yes"', /runAsNonRoot must be boolean/],
    ['"replicas":2', '"replicas":"two"', /replicas must be integer|replicas must be number/],
    ['"selector":{', '"selectors":{', /must have required property selector/]
  ]
  for (const [before, after, fault] of broken) t.match(faultOf(changed(t, before, after)), fault, after)
})

t.test('each member is one of Kubernetes, and a misspelt one is not', async (t) => {
  const misspelt: [before: string, after: string][] = [
    ['"readOnlyRootFilesystem"', '"readOnlyRootFileSystem"'],
    ['"livenessProbe"', '"livenesProbe"'],
    ['"terminationGracePeriodSeconds"', '"terminationGraceSeconds"']
  ]
  const wrong = misspelt.map(([before, after]) => changed(t, before, after))
  for (const each of wrong) t.equal(faultOf(each), '', 'which the schema does not see')
  const { said } = await compileSamples(t, [...all.values(), ...wrong].map(typed))
  for (const [, after] of misspelt) t.match(said, after.slice(1, -1))
  const files = new Set([...said.matchAll(/sample-(\d+)\.ts/g)].map(([, index]) => Number(index)))
  t.same(
    [...files],
    misspelt.map((_, index) => all.size + index),
    'and nothing else is wrong'
  )
})

t.test('the server knows each variable, and a value that was forgotten stops the start', async (t) => {
  const names = (container?.env ?? []).map(({ name }) => name)
  const known = [...(await serverVariables()), 'NODE_OPTIONS']
  t.same(
    names.filter((name) => !known.includes(name)),
    []
  )
  const config = readConfig(environment())
  t.match(config, { metrics: 'token', shutdownDelaySeconds: 10, keysFile: '/var/lib/api/keys.json' })
  t.equal(config.graph.isConfigured, true, 'by the workload identity')
  t.ok(config.redis?.tls)
  const file = `${t.testdir({ token: 'a.b.c' })}/token`
  const start = (changed: object) =>
    toSettings(readConfig({ ...environment(), AZURE_FEDERATED_TOKEN_FILE: file, ...changed }).entra)
  t.ok(start({}))
  for (const [name, value, fault] of [
    ['ENTRA_TENANT_ID', '<tenant ID>', /tenantId/],
    ['ENTRA_CLIENT_ID', '<client ID>', /clientId/]
  ] as const)
    t.throws(() => start({ [name]: value }), fault, name)
  t.equal(readConfig({ ...environment(), AZURE_CLIENT_ID: 'another' }).graph.isConfigured, false)
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  t.equal(container?.image, `<registry>/fastify-entra-api:${version}`)
})

t.test('probes: paths of the API, the port of the image; liveness does not depend on the tenant', async (t) => {
  const { paths } = parse(await readFile('openapi.yaml', 'utf8'))
  const { startupProbe, livenessProbe, readinessProbe } = container ?? {}
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
    t.ok(paths[String(probe?.httpGet?.path)]?.get, String(probe?.httpGet?.path))
    t.equal(probe?.httpGet?.port, 'http')
  }
  t.equal(startupProbe?.httpGet?.path, '/healthz')
  t.equal(livenessProbe?.httpGet?.path, '/healthz')
  t.equal(readinessProbe?.httpGet?.path, '/readyz')
  t.match(container?.ports, [{ name: 'http', containerPort: Number(inDockerfile(/^EXPOSE (\d+)$/m)) }])
  t.match(dockerfile, /HOST=0\.0\.0\.0/)
  t.match(get<IService>('Service').spec?.ports, [{ targetPort: 'http' }])
})

t.test('the end of a pod: the delay and the time of open requests fit into the grace period', async (t) => {
  const main = await readFile('src/server/main.ts', 'utf8')
  const close = Number(/closeDelayMs = ([\d_]+)/.exec(main)?.[1]?.replace('_', '')) / 1000
  const { shutdownDelaySeconds } = readConfig(environment())
  t.ok(close > 0 && shutdownDelaySeconds > 0)
  t.ok(Number(pod?.terminationGracePeriodSeconds) >= shutdownDelaySeconds + close + 5)
  t.notOk(container?.lifecycle, 'no preStop hook')
})

t.test('what the container may do', async (t) => {
  t.same(others, [], 'one container')
  t.match(pod?.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  t.equal(String(pod?.securityContext?.runAsUser), inDockerfile(/^USER (\d+)$/m))
  t.strictSame(container?.securityContext, {
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] }
  })
  const mounts = container?.volumeMounts?.map(({ mountPath }) => mountPath)
  t.same(mounts, ['/var/lib/api'], 'only the folder of KEYS_FILE')
  t.match(pod?.volumes, [{ name: 'keys', emptyDir: { medium: 'Memory' } }])
  t.equal(pod?.automountServiceAccountToken, false)
  t.equal(template?.metadata?.labels?.['azure.workload.identity/use'], 'true')
  t.equal(pod?.serviceAccountName, all.get('ServiceAccount')?.metadata.name)
  const { requests, limits } = container?.resources ?? {}
  t.ok(requests?.cpu && requests.memory && limits?.cpu)
  const heap = Number(/--max-old-space-size=(\d+)/.exec(String(environment().NODE_OPTIONS))?.[1])
  t.ok(heap > 0 && heap <= (Number.parseInt(String(limits?.memory), 10) * 2) / 3, 'the heap fits into the limit')
})

t.test('all select the pods of the deployment, and only its port is open', async (t) => {
  const labels = { 'app.kubernetes.io/name': 'fastify-entra-api' }
  t.match(template?.metadata?.labels, labels)
  t.strictSame(deployment.spec?.selector.matchLabels, labels)
  t.strictSame(get<IService>('Service').spec?.selector, labels)
  t.strictSame(get<IPodDisruptionBudget>('PodDisruptionBudget').spec?.selector?.matchLabels, labels)
  const policy = get<INetworkPolicy>('NetworkPolicy').spec
  t.strictSame(policy?.podSelector?.matchLabels, labels)
  t.strictSame(policy?.policyTypes, ['Ingress', 'Egress'])
  t.strictSame(policy?.ingress, [{ ports: [{ port: 'http' }] }])
  const [ipv4] = policy?.egress?.flatMap(({ to = [] }) => to.flatMap(({ ipBlock }) => ipBlock ?? [])) ?? []
  t.strictSame(ipv4, { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] }, 'not the metadata service of the node')
})
